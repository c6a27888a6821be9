"""Output that leaves the course: PDF, feedback, report, Gradescope."""
