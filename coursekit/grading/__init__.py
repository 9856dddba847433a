"""The grader: an nbgrader plug-in that runs students' code in a sandbox and judges it outside.

The command line is :mod:`~coursekit.grading.cli`.  nbgrader's own commands meet the same pieces
through ``exercises/nbgrader_config.py``: ``CleanSubmission`` rebuilds a submission around its
answers, ``SplitExecute`` runs it, ``FeedbackExporter`` shows what came of it.
"""
