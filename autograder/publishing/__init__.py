"""What leaves the grader: scores, PDFs, feedback and reports."""
