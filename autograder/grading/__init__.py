"""Grading a class: read, restore, execute, record. This part alone writes to the gradebook.

Its modules, by what they are about; docs/how-it-works.md follows a submission through them.

    the course:      course, settings, preconditions, packages, sharing, locking, secret
    the assignment:  assignment, source_notebooks, release_steps, source_files, answer_modules, cell_metadata,
                     made_from_text, examples, affected, topics, comment_bank
    a submission:    reading, archive, handed_in, find_answers, submitted_modules, sanitize
    a run:           class_run, cluster, grader, answer_key, notebook_run, counterexample_search, own_limits
    its result:      graded, cell_grades, incidents, error_incidents, course_errors
    the gradebook:   gradebook, tables, gradebook_sync, class_rows, write_results, last_grading, score_history, rescore,
                     voids, by_hand, waiting, last_shown
    who and when:    groups, extensions, times, due_dates, late, late_days
    nbgrader:        preprocessors
"""

from autograder.imports import ADDRESS_PARSER, unimportable

with unimportable(ADDRESS_PARSER):
    import nbformat  # noqa: F401 - it imports jsonschema
