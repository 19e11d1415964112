"""What runs left behind, compared: tables, pictures, affinities, and where every number comes from.

Runs of one method, equal in everything but the seeds, become one row with a mean and a spread.
Runs whose numbers mean different things (other data, classes, units, thresholds) are refused, and
what papers report stands beside what was measured only under its own name. Nothing here trains or
reads data; `lightning report` is the command.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.report.affinities import Learned, agreement, compare_affinities, read_learned
    from vtagml.report.affinity_document import affinity_files, agreement_sheet, origins
    from vtagml.report.comparable import refuse_mix, warnings_of
    from vtagml.report.comparison import Comparison, Row, compare
    from vtagml.report.document import FORMATS, comparison_files, completed
    from vtagml.report.finding import find_runs
    from vtagml.report.formats import Sheet, terminal
    from vtagml.report.methods import Method, group
    from vtagml.report.reported import all_reported, reported
    from vtagml.report.runs import Run, read_run
    from vtagml.report.sheets import costs, results
    from vtagml.report.statistics import Spread

open_when_asked(__name__)
