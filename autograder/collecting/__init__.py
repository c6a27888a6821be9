"""Getting submissions in: from what Gradescope, Canvas or a person hands over into nbgrader's submitted/ folders."""
