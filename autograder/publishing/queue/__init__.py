"""Grading by hand, question by question: what is left, all answers on one page, and comments that are used again."""
