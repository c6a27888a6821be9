"""Grading a class: execute each submission, record its grades, resume where it stopped."""

from autograder.imports import ADDRESS_PARSER, unimportable

with unimportable(ADDRESS_PARSER):
    import nbformat  # noqa: F401 - it imports jsonschema
