"""What leaves the course: PDF, feedback, report, Gradescope."""
