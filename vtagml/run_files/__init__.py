"""What a run left, read as somebody else's: it may be damaged, foreign, hostile or without end.

Every file of a run that a report shows is read here. Nothing here waits (for a pipe, a device),
fills the memory (by a bomb of zeros, of links, of nesting) or runs anything. Whatever a file holds,
it becomes plain content of the form that was asked for, or one error that names it: a ValueError,
or an OSError where it may not be read. So whoever reads needs no other guards.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.run_files.bounded import MEGABYTE as MEGABYTE
    from vtagml.run_files.bounded import cut as cut
    from vtagml.run_files.bounded import is_there as is_there
    from vtagml.run_files.bounded import printable_name as printable_name
    from vtagml.run_files.bounded import read_as as read_as
    from vtagml.run_files.bounded import read_bytes as read_bytes
    from vtagml.run_files.bounded import read_text as read_text
    from vtagml.run_files.forms import Form as Form
    from vtagml.run_files.forms import check_form as check_form
    from vtagml.run_files.pictures import read_picture as read_picture
    from vtagml.run_files.plain import LARGEST as LARGEST
    from vtagml.run_files.plain import read_json as read_json
    from vtagml.run_files.plain import read_rows as read_rows
    from vtagml.run_files.plain import read_yaml as read_yaml

open_when_asked(__name__)
