"""What a run left, read as somebody else's: it may be damaged, foreign, hostile or without end.

Every file of a run that a report shows is read here. Nothing here waits (for a pipe, a device),
fills the memory (by a bomb of zeros, of links, of nesting) or runs anything. Whatever a file holds,
it becomes plain content of the form that was asked for, or one error that names it: a ValueError,
or an OSError where it may not be read. So whoever reads needs no other guards.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.run_files.bounded import (
        MEGABYTE,
        cut,
        is_there,
        printable_name,
        read_as,
        read_bytes,
        read_text,
    )
    from vtagml.run_files.forms import Form, check_form
    from vtagml.run_files.pictures import read_picture
    from vtagml.run_files.plain import LARGEST, read_json, read_rows, read_yaml

open_when_asked(__name__)
