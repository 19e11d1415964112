"""What runs left behind, compared: tables, pictures, affinities, and where every number comes from.

Runs of one method, equal in everything but the seeds, become one row with a mean and a spread.
Runs whose numbers mean different things (other data, classes, units, thresholds) are refused, and
what papers report stands beside what was measured only under its own name. Nothing here trains or
reads data; `lightning report` is the command.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.report.affinities import Learned as Learned
    from vtagml.report.affinities import agreement as agreement
    from vtagml.report.affinities import compare_affinities as compare_affinities
    from vtagml.report.affinities import read_learned as read_learned
    from vtagml.report.affinity_document import affinity_files as affinity_files
    from vtagml.report.affinity_document import agreement_sheet as agreement_sheet
    from vtagml.report.affinity_document import origins as origins
    from vtagml.report.comparable import refuse_mix as refuse_mix
    from vtagml.report.comparable import warnings_of as warnings_of
    from vtagml.report.comparison import Comparison as Comparison
    from vtagml.report.comparison import Row as Row
    from vtagml.report.comparison import compare as compare
    from vtagml.report.document import FORMATS as FORMATS
    from vtagml.report.document import comparison_files as comparison_files
    from vtagml.report.document import completed as completed
    from vtagml.report.finding import find_runs as find_runs
    from vtagml.report.formats import Sheet as Sheet
    from vtagml.report.formats import terminal as terminal
    from vtagml.report.methods import Method as Method
    from vtagml.report.methods import group as group
    from vtagml.report.reported import all_reported as all_reported
    from vtagml.report.reported import reported as reported
    from vtagml.report.runs import Run as Run
    from vtagml.report.runs import read_run as read_run
    from vtagml.report.sheets import costs as costs
    from vtagml.report.sheets import results as results
    from vtagml.report.statistics import Spread as Spread

open_when_asked(__name__)
