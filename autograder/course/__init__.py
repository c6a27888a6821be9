"""A course and its assignments, as their instructor wrote them: settings, notebooks, known mistakes, and how
a release is made."""

from autograder.imports import ADDRESS_PARSER, unimportable

with unimportable(ADDRESS_PARSER):
    import nbformat  # noqa: F401 - it imports jsonschema
