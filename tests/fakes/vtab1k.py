"""A tree of VTAB-1k: three images in each list of each set."""

from pathlib import Path

from tests.fakes.photos import write_photo

# Classes and size; of the last each image has another.
SETS = {
    "patch_camelyon": (2, 96),
    "eurosat": (10, 64),
    "resisc45": (45, 256),
    "diabetic_retinopathy": (5, 90),
}
LISTS = ("train800", "val200", "train800val200", "test")


def write_tree(root: Path) -> Path:
    for name, (classes, side) in SETS.items():
        for split in LISTS:
            lines = []
            for number, label in enumerate((0, classes - 1, 1)):
                path = f"images/{split}/{number:06d}.jpg"
                more = 10 * number if name == "diabetic_retinopathy" else 0
                write_photo(root / name / path, (side, side + more))
                lines.append(f"{path} {label}\n")
            (root / name / f"{split}.txt").write_text("".join(lines))
    return root
