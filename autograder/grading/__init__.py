"""Grading a class: execute each submission, record its grades, resume where it stopped."""

from autograder.imports import unimportable

# To check a kind of address that no notebook has, jsonschema would make a parser: a second for every process.
with unimportable("rfc3987_syntax"):
    import nbformat  # noqa: F401 - it imports jsonschema
