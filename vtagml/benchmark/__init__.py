"""Methods × settings × seeds, run one by one as the ordinary command line, and tables of them.

A plan (YAML) has settings, each with rows; a row at a seed is a cell, which is one run folder. What
is finished is skipped, what was broken off goes on, what was made otherwise than the plan says is
named and left alone. `lightning benchmark` is the command.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.benchmark.cells import Cell, Resolve, all_cells, chosen_cells
    from vtagml.benchmark.outcome import Outcome, State, outcome_of
    from vtagml.benchmark.plan import Plan, Row, Setting, read_plan
    from vtagml.benchmark.queue import LEFT_ALONE, CellQueue
    from vtagml.benchmark.table import SettingTable, setting_table, table_text

open_when_asked(__name__)
