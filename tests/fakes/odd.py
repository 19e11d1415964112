"""What systems, disks and programs do to a dataset that is copied, unpacked or shared."""

import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

# The first bytes of an AppleDouble file, which holds what a foreign disk cannot hold of a file.
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "
LISTS = (".txt", ".csv", ".json")
IMAGES = (".png", ".jpg", ".npy", ".json")


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def folders(root: Path) -> list[Path]:
    return [root, *sorted(path for path in root.rglob("*") if path.is_dir())]


def apple_doubles(root: Path) -> Path:
    for path in [*files(root), *folders(root)[1:]]:
        path.with_name(f"._{path.name}").write_bytes(APPLE_DOUBLE)
    return root


def in_every_folder(name: str) -> Callable[[Path], Path]:
    def put(root: Path) -> Path:
        for folder in folders(root):
            (folder / name).write_bytes(b"\x00\x00\x00\x01Bud1")
        return root

    return put


def macosx(root: Path) -> Path:
    """As macOS packs them: a second tree, of twins; some unpack it into each folder."""
    twins = [(path, path.relative_to(root)) for path in files(root)]
    around = folders(root)
    for path, place in twins:
        twin = root / "__MACOSX" / place.with_name(f"._{place.name}")
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(APPLE_DOUBLE)
        inner = path.parent / "__MACOSX" / path.name
        inner.parent.mkdir(exist_ok=True)
        shutil.copy(path, inner)
    assert len(folders(root)) > len(around)
    return root


def synology(root: Path) -> Path:
    """Thumbnails that are whole images, beside each file of a network disk."""
    for path in files(root):
        folder = path.parent / "@eaDir" / path.name
        folder.mkdir(parents=True)
        thumb = np.full((8, 8, 3), 200, np.uint8)
        cv2.imwrite(str(folder / "SYNOPHOTO_THUMB_M.jpg"), thumb)
        shutil.copy(path, path.parent / "@eaDir" / f"copy{path.suffix}")
    return root


def in_lists(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def rewrite(root: Path) -> Path:
        for path in files(root):
            if path.suffix in LISTS:
                path.write_bytes(change(path.read_bytes()))
        return root

    return rewrite


def utf16(text: bytes) -> bytes:
    """What PowerShell's `>` writes."""
    return text.decode().encode("utf-16")


def capitals(root: Path) -> Path:
    for path in files(root):
        if path.suffix in IMAGES:
            path.rename(path.with_suffix(path.suffix.upper()))
    return root


def linked_files(root: Path) -> Path:
    store = root.with_name(f"{root.name}-store")
    store.mkdir()
    for number, path in enumerate(files(root)):
        path.rename(store / str(number))
        path.symlink_to(store / str(number))
    return root


def linked_folders(root: Path) -> Path:
    """Every folder is a link, from the deepest on."""
    store = root.with_name(f"{root.name}-store")
    store.mkdir()
    for number, folder in enumerate(reversed(folders(root)[1:])):
        folder.rename(store / str(number))
        folder.symlink_to(store / str(number), target_is_directory=True)
    return root


def linked_root(root: Path) -> Path:
    link = root.with_name(f"{root.name}-link")
    link.symlink_to(root, target_is_directory=True)
    return link


def moved_to(name: str) -> Callable[[Path], Path]:
    def move(root: Path) -> Path:
        return root.rename(root.with_name(name))

    return move


def said_otherwise(root: Path) -> Path:
    """On disk accents are decomposed, as on a Mac; the config has them composed."""
    name = unicodedata.normalize("NFC", "été")
    root.rename(root.with_name(unicodedata.normalize("NFD", name)))
    return root.with_name(name)


def mounted_read_only(root: Path) -> Iterator[Path | None]:
    """The folder on a disk that nobody can write, root neither; None where one may not mount."""
    place = root.with_name(f"{root.name}-mounted")
    place.mkdir()
    bound = subprocess.run(["mount", "--bind", root, place], capture_output=True, check=False)
    if bound.returncode:
        yield None
        return
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        assert not os.access(place, os.W_OK)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


ODDITIES: dict[str, Callable[[Path], Path]] = {
    "apple-double": apple_doubles,
    "ds-store": in_every_folder(".DS_Store"),
    "thumbs-db": in_every_folder("Thumbs.db"),
    "desktop-ini": in_every_folder("desktop.ini"),
    "macosx": macosx,
    "synology": synology,
    "windows-lines": in_lists(lambda text: text.replace(b"\n", b"\r\n")),
    "byte-order-mark": in_lists(lambda text: b"\xef\xbb\xbf" + text),
    "utf-16": in_lists(utf16),
    "blank-lines": in_lists(lambda text: text.rstrip(b"\n") + b" \n\n \t\n\n"),
    "no-last-line-end": in_lists(lambda text: text.rstrip(b"\n")),
    "capitals": capitals,
    "linked-files": linked_files,
    "linked-folders": linked_folders,
    "linked-root": linked_root,
    "spaces-and-accents": moved_to("Données d'été (copie) 2"),
    "decomposed": moved_to(unicodedata.normalize("NFD", "Données d'été")),
    "said-otherwise": said_otherwise,
}
