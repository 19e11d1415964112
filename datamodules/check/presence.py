"""What is there and what is not, by the names of files alone."""

from datamodules.check.report import Problem
from datamodules.disk.listing import some_of
from datamodules.files import FileDataModule
from datamodules.writing.plan import MANIFEST, read_plan


def expected(datamodule: FileDataModule, split: str) -> int | None:
    """How many samples a split should have, where that is known; nobody says it of a stand-in."""
    return None if is_drawn(datamodule) else datamodule.official(split)


def is_drawn(datamodule: FileDataModule) -> bool:
    """Whether `lightning scenes` wrote the dataset."""
    return (datamodule.root / MANIFEST).exists()


def miscounted(datamodule: FileDataModule, split: str, found: int) -> list[Problem]:
    """Says if a split has not as many samples as it should have."""
    wanted = expected(datamodule, split)
    if wanted in (None, found):
        return []
    message = f"the split `{split}` has {found} of the official {wanted} samples"
    return [Problem(split, None, message)]


def unpaired(datamodule: FileDataModule, split: str) -> list[Problem]:
    """Parts of a split that are left out, and labels without an image."""
    problems = []
    # A stand-in is complete with the parts that were drawn.
    if not is_drawn(datamodule) and (absent := datamodule.absent(split)):
        problems.append(f"the split `{split}` is not whole: {absent}")
    if lone := datamodule.unpaired(split):
        files = some_of([path.relative_to(datamodule.root) for path in lone])
        problems.append(
            f"the split `{split}` has {len(lone)} label files without an image: {files}."
            " Add the images, or remove these files"
        )
    return [Problem(split, None, message) for message in problems]


def notes(datamodule: FileDataModule, split: str) -> list[str]:
    """Says if a split has no labels."""
    missing = datamodule.unlabelled(split)
    if not missing:
        return []
    which = "" if len(missing) == len(datamodule.tasks) else f" of {', '.join(missing)}"
    return [f"{split}: no labels{which}, can only be predicted"]


def unmatched(datamodule: FileDataModule) -> list[Problem]:
    """The skip list, if it has names of no sample."""
    names = datamodule.unmatched()
    if not names:
        return []
    message = f"`skip`, `{datamodule.skip}`, has {len(names)} names of no sample: {some_of(names)}"
    return [Problem("", None, message)]


def unwritten(datamodule: FileDataModule) -> list[Problem]:
    """What a `lightning scenes` that was stopped has not written."""
    plan = read_plan(datamodule.root)
    if plan is None or plan.layout not in datamodule.layouts or not (missing := plan.missing):
        return []
    message = (
        f"{len(missing)} files are missing that were to be drawn, as `{MANIFEST}` says:"
        f" {some_of(missing)}. Run the same `lightning scenes` again to complete them"
    )
    return [Problem("", None, message)]
