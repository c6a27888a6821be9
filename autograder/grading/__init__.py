"""Grading a class: execute each submission, record its grades, resume where it stopped."""
