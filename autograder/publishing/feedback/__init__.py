"""Feedback: a page for each student with their notebook, their points, and the reasons."""
