"""`prepare`: a decoded copy of a dataset."""

from vtagml.commands.command import Folder, Key


def prepare(*keys: Key, out: Folder | None = None, processes: int | None = None) -> None:
    """Writes a decoded copy of the dataset, from which training reads many times faster.

    It says first how much space that takes. The same experiment then reads the copy by itself. A
    run that was killed goes on where it stopped.

    Args:
        out: Where the copy shall be; by default in the dataset's own folder, which gets a link to
            it. If that folder cannot be written, set the variable DATAMODULES_PREPARED to FOLDER
            instead, here and in training.
        processes: How many decode at once; by default one per core, 0 for this process.

    Example:
        lightning prepare --config experiments/cityscapes_sdn.yaml
    """
    from datamodules import Adaptation, DenseDataModule, FileDataModule
    from datamodules.prepared.prepare import prepare
    from vtagml.commands.parse import data_of

    datamodule = data_of(keys)
    parts = datamodule.parts if isinstance(datamodule, (Adaptation, DenseDataModule)) else {}
    files = [part for part in parts.values() if isinstance(part, FileDataModule)]
    if not files:
        raise ValueError(
            f"`data` should be a dataset that is read from files, found "
            f"`{type(datamodule).__name__}`: there is nothing to decode."
        )
    for part in files:
        prepare(part, out, processes)
