"""The grader: an nbgrader plug-in that runs students' code in a sandbox and judges it outside.

The command line is :mod:`~coursekit.grading.cli`; ``exercises/nbgrader_config.py`` names the
pieces that nbgrader's own commands use: :class:`~coursekit.grading.clean.CleanSubmission`,
:class:`~coursekit.grading.split.SplitExecute`, :class:`~coursekit.grading.feedback.FeedbackExporter`.
"""
