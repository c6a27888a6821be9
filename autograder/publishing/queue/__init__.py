"""Grading by hand, question by question: waiting answers, all of them on one page, and comments that are used again."""
