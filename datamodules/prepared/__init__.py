"""Decoded copies of datasets on disk, read through memory maps.

Decoding is most of the work of reading a sample. A prepared copy holds what a reader gives, bit
for bit, one array behind the other in one file per key; a sample is then a set of read-only views,
and a crop touches only the pages that it lies on. Samples may differ in size.

- `Copy` reads a folder; `Writer` makes it, goes on where it was killed, and verifies it.
- `prepared` finds the copy of a split, and refuses one that is not of today's files.
"""

from datamodules.prepared.copy import Copy
from datamodules.prepared.lookup import copies_of, prepared

__all__ = ["Copy", "copies_of", "prepared"]
