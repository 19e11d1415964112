"""A tree of FGVC-Aircraft: three variants, with blanks and a slash in their names."""

from pathlib import Path

from tests.fakes.photos import write_photo

VARIANTS = ("A330-200", "Cessna 208", "F/A-18")
# Photo, variant, split, size.
PHOTOS = (
    ("0034309", 2, "train", (30, 40)),
    ("0056978", 1, "train", (24, 50)),
    ("0698580", 0, "val", (36, 40)),
    ("1025794", 1, "test", (30, 44)),
    ("1340192", 2, "test", (28, 40)),
)


def write_tree(root: Path) -> Path:
    tree = root / "fgvc-aircraft-2013b" / "data"
    for photo, _, _, size in PHOTOS:
        write_photo(tree / "images" / f"{photo}.jpg", size)
    (tree / "variants.txt").write_text("".join(f"{name}\n" for name in VARIANTS))
    for name, splits in (
        ("train", ("train",)),
        ("val", ("val",)),
        ("trainval", ("train", "val")),
        ("test", ("test",)),
    ):
        lines = (f"{photo} {VARIANTS[of]}\n" for photo, of, split, _ in PHOTOS if split in splits)
        (tree / f"images_variant_{name}.txt").write_text("".join(lines))
    return root
