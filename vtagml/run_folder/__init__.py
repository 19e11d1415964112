"""The folder of a run: what lies in it, and how a command enters it and leaves it.

`RunFolder` knows every name, so nobody else joins any; `fit_in` and `evaluation_in` lock it, set an
earlier run aside, and take all back if nothing comes of it. Whatever is written there is there
whole or not at all (`whole_file`), and nothing of a user's is touched.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.run_folder.as_json import plain as plain
    from vtagml.run_folder.as_json import to_json as to_json
    from vtagml.run_folder.entering import evaluation_in as evaluation_in
    from vtagml.run_folder.entering import fit_in as fit_in
    from vtagml.run_folder.folder import AFFINITY as AFFINITY
    from vtagml.run_folder.folder import CHECKPOINTS as CHECKPOINTS
    from vtagml.run_folder.folder import CONFIG as CONFIG
    from vtagml.run_folder.folder import CONFLICTS as CONFLICTS
    from vtagml.run_folder.folder import LOGS as LOGS
    from vtagml.run_folder.folder import METRICS as METRICS
    from vtagml.run_folder.folder import PARAMETERS as PARAMETERS
    from vtagml.run_folder.folder import RunFolder as RunFolder
    from vtagml.run_folder.lock import LOCK as LOCK
    from vtagml.run_folder.lock import is_busy as is_busy
    from vtagml.run_folder.lock import run_lock as run_lock
    from vtagml.run_folder.lock import turn as turn
    from vtagml.run_folder.whole_file import whole_file as whole_file
    from vtagml.run_folder.whole_file import write_whole as write_whole

open_when_asked(__name__)
