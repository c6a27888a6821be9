"""Gradescope's autograder: the zip that it takes, and grading one submission as there."""
