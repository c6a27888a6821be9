"""An example course: a class, a table, a plot, a module that students complete, and data that nobody has seen."""

c = get_config()  # noqa: F821 - nbgrader provides it

c.CourseDirectory.course_id = "clusters"
c.CourseDirectory.ignore = [".*", "*.pyc", "__pycache__", "private"]
c.Autograder.packages = ["pandas"]

c.Autograde.exporter_class = "autograder.grading.preprocessors.SubmittedNotebooks"
c.Autograde.sanitize_preprocessors = ["autograder.grading.preprocessors.Restore"]
c.Autograde.autograde_preprocessors = [
    "autograder.grading.preprocessors.Grade",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.exclude_overwriting = {"flowers": ["kmeans.py"]}
c.GenerateAssignment.preprocessors.append("autograder.authoring.record_step.AddRecords")

c.GenerateFeedback.exporter_class = "autograder.publishing.feedback.nbgrader_plugins.FeedbackExporter"
c.GenerateFeedback.preprocessors = []
c.HTMLExporter.preprocessors = [
    "autograder.publishing.queue.formgrader.MarkSchemes",
    "autograder.publishing.feedback.nbgrader_plugins.HarmlessOutputs",
]
c.HTMLExporter.filters = {
    "markdown2html": "autograder.publishing.feedback.nbgrader_plugins.harmless_markdown",
    "highlight_code": "autograder.publishing.feedback.nbgrader_plugins.harmless_code",
}
