"""The folder of a run: what lies in it, and how a command enters it and leaves it.

`RunFolder` knows every name, so nobody else joins any; `fit_in` and `evaluation_in` lock it, set an
earlier run aside, and take all back if nothing comes of it. Whatever is written there is there
whole or not at all (`whole_file`), and nothing of a user's is touched.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.run_folder.as_json import plain, to_json
    from vtagml.run_folder.entering import evaluation_in, fit_in
    from vtagml.run_folder.folder import (
        AFFINITY,
        CHECKPOINTS,
        CONFIG,
        CONFLICTS,
        LOGS,
        METRICS,
        PARAMETERS,
        RunFolder,
    )
    from vtagml.run_folder.lock import LOCK, is_busy, run_lock, turn
    from vtagml.run_folder.whole_file import whole_file, write_whole

open_when_asked(__name__)
