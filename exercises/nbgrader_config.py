"""nbgrader's settings for this course: student code runs in the sandbox, tests outside it.

`nbgrader` commands that are given in this directory and `coursekit grade` read the same lists.
"""

from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    DeduplicateIds,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from coursekit.grading.clean import CleanSubmission
from coursekit.grading.feedback import FeedbackExporter
from coursekit.grading.lms_names import NAMED_REGEXP, LmsNames
from coursekit.grading.split import SplitExecute

c = get_config()  # noqa: F821  (traitlets defines it)

root = Path(__file__).resolve().parent

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "berry"
c.Exchange.root = str(root / "exchange")

# What a submission holds is replaced by what was released, except for the answers.
c.Autograde.sanitize_preprocessors = [
    CleanSubmission,
    ClearOutput,
    DeduplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    SplitExecute,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests]
c.GenerateFeedback.exporter_class = FeedbackExporter

# For `nbgrader zip_collect`; `coursekit collect` needs neither, and knows the latest attempt.
c.ZipCollectApp.collector_plugin = LmsNames
c.FileNameCollectorPlugin.named_regexp = NAMED_REGEXP
