"""Methods × settings × seeds, run one by one as the ordinary command line, and tables of them.

A plan (YAML) has settings, each with rows; a row at a seed is a cell, which is one run folder. What
is finished is skipped, what was broken off goes on, what was made otherwise than the plan says is
named and left alone. `lightning benchmark` is the command.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.benchmark.cells import Cell as Cell
    from vtagml.benchmark.cells import Resolve as Resolve
    from vtagml.benchmark.cells import all_cells as all_cells
    from vtagml.benchmark.cells import chosen_cells as chosen_cells
    from vtagml.benchmark.outcome import Outcome as Outcome
    from vtagml.benchmark.outcome import State as State
    from vtagml.benchmark.outcome import outcome_of as outcome_of
    from vtagml.benchmark.plan import Plan as Plan
    from vtagml.benchmark.plan import Row as Row
    from vtagml.benchmark.plan import Setting as Setting
    from vtagml.benchmark.plan import read_plan as read_plan
    from vtagml.benchmark.queue import LEFT_ALONE as LEFT_ALONE
    from vtagml.benchmark.queue import CellQueue as CellQueue
    from vtagml.benchmark.table import SettingTable as SettingTable
    from vtagml.benchmark.table import setting_table as setting_table
    from vtagml.benchmark.table import table_text as table_text

open_when_asked(__name__)
