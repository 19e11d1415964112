"""NYUDv2: 1449 labelled frames of 464 indoor scenes, in the four forms that people have on disk.

`official` reads the one MATLAB file of the authors, `tree` the folders of the multi-task papers,
`mtan` the `.npy` folders of MTAN, `class13` the archives of 13 classes with Ladický's normals;
`NYUDv2` finds out which of them it was given.
"""

from datamodules.nyudv2.datamodule import NYUDv2

__all__ = ["NYUDv2"]
