"""A tree of CUB-200-2011: three species, photos of unequal sizes, one of them grey."""

from pathlib import Path

from tests.fakes.photos import write_photo

CLASSES = ("001.Black_footed_Albatross", "002.Laysan_Albatross", "010.Red_winged_Blackbird")
# Number, class, for training or not, size; the grey one is the third.
PHOTOS = (
    (1, 0, 1, (30, 40)),
    (2, 0, 0, (40, 30)),
    (3, 1, 1, (24, 24)),
    (4, 2, 0, (20, 50)),
    (5, 2, 1, (33, 21)),
)
GREY = 3


def path_of(number: int, label: int) -> str:
    return f"{CLASSES[label]}/{CLASSES[label][4:]}_{number:04d}_{number * 7}.jpg"


def write_tree(root: Path) -> Path:
    tree = root / "CUB_200_2011"
    lists: dict[str, list[str]] = {}
    for number, label, taught, size in PHOTOS:
        path = path_of(number, label)
        write_photo(tree / "images" / path, size, grey=number == GREY)
        for name, value in (
            ("images", path),
            ("image_class_labels", label + 1),
            ("train_test_split", taught),
        ):
            lists.setdefault(name, []).append(f"{number} {value}\n")
    lists["classes"] = [f"{number} {name}\n" for number, name in enumerate(CLASSES, 1)]
    for name, lines in lists.items():
        (tree / f"{name}.txt").write_text("".join(lines))
    return root
