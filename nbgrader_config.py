"""The course: where things are, and what replaces nbgrader's own grading so that every grade can be trusted."""

c = get_config()  # noqa: F821 - nbgrader provides it

c.CourseDirectory.course_id = "deep_learning"
c.CourseDirectory.ignore = [".*", "*.pyc", "__pycache__", "private"]

c.Autograde.exporter_class = "autograder.grading.preprocessors.SubmittedNotebooks"
c.Autograde.sanitize_preprocessors = ["autograder.grading.preprocessors.Restore"]
c.Autograde.autograde_preprocessors = [
    "autograder.grading.preprocessors.Grade",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# nbgrader collect and formgrader take no file that a student's link points at.
c.ExchangeFactory.collect = "autograder.collecting.exchange.CollectRegularFiles"

# Formgrader's log says once, and not at each click, that there is no exchange.
c.ExchangeFactory.list = "autograder.collecting.exchange.ListToldOnce"

# nbgrader generate_assignment and formgrader make releases with the records of `autograder release`.
c.GenerateAssignment.preprocessors.append("autograder.authoring.record_step.AddRecords")

# nbgrader generate_feedback writes the pages of `autograder feedback`, and formgrader shows notebooks that cannot act,
# with mark schemes below the answers.
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
