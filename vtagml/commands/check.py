"""`check`: is the data all there, and whole?"""

from vtagml.commands.command import File, Key
from vtagml.commands.messages import say


def check(*keys: Key, write_skip_list: File | None = None, processes: int | None = None) -> None:
    """Reads every file of the experiment's dataset and says what is wrong with it.

    It reads every sample of every split as training would, and prints counts, sizes, labels, and
    each sample that cannot be used. Of the experiment only the data and the names of the tasks are
    used. The exit status is 1 when something is wrong.

    Args:
        write_skip_list: For `--data.skip`: names of all bad samples, each with the reason. Each
            part of a mixture gets a file, with its tasks behind the name, and so do the source and
            the target of an adaptation.
        processes: How many read at once; by default one per core, 0 for this process.

    Example:
        lightning check --config experiments/cityscapes_sdn.yaml --write-skip-list bad.txt
    """
    from rich import get_console

    from datamodules import Adaptation, DenseDataModule
    from datamodules.check import check
    from datamodules.check.tables import show
    from vtagml.commands.parse import data_of

    datamodule = data_of(keys)
    if not isinstance(datamodule, (Adaptation, DenseDataModule)):
        raise ValueError(
            f"`data` should be one of our datasets, found `{type(datamodule).__name__}`."
        )
    reports = {name: check(part, processes) for name, part in datamodule.parts.items()}
    for name, report in reports.items():
        show(report, get_console())
        if write_skip_list:
            path = write_skip_list
            if len(reports) > 1:  # each part has a list of its own
                path = path.with_stem(f"{path.stem}_{name}")
            say(f"{report.write_skip_list(path)} names are in `{path}`.")
    if not all(report.ok for report in reports.values()):
        raise SystemExit(1)
