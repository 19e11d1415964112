"""What commands print never fails them: a log in an old encoding, a pipe that is closed."""

import io
import locale
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def lasting_output() -> Iterator[None]:
    """Makes the standard streams take everything while the block lasts, a training of days too.

    A letter that the encoding of a stream lacks becomes `?`. Once a stream cannot be written to
    (`lightning … | head`, a full disk below a log), what follows is dropped. Libraries read text in
    the encoding of the machine's language, which for the same reason is UTF-8 meanwhile.
    """
    before, language = (sys.stdout, sys.stderr), locale.setlocale(locale.LC_CTYPE)
    if locale.getencoding().upper() != "UTF-8":
        with suppress(locale.Error):  # a system without it
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    sys.stdout, sys.stderr = map(_lasting, before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before
        locale.setlocale(locale.LC_CTYPE, language)


class Lasting(io.FileIO):
    """A file whose contents are dropped from the first failure on."""

    def write(self, content: Any, /) -> int:
        size = memoryview(content).nbytes
        try:
            written = super().write(content)
            return size if written is None else written  # None: nobody reads fast enough
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # for what others write there too
            os.close(nowhere)
            return size


def _lasting(stream: Any) -> Any:
    if stream is None or stream.closed:  # as a program without a terminal has it
        return io.StringIO()
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # of a notebook or a test
    stream.flush()
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        stream.reconfigure(errors="replace")
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(Lasting(descriptor, "w", closefd=False)),
        stream.encoding,
        errors="replace",
        line_buffering=True,
    )
