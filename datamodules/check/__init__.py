"""Looks at every file of a dataset before a training run does.

`check` reads every sample of every split as training would, strictly and with all cores, and
reports counts, sizes, labels, and each sample that cannot be used, with the reason.
"""

from datamodules.check.check import check
from datamodules.check.report import Problem, Report, SplitReport

__all__ = ["Problem", "Report", "SplitReport", "check"]
