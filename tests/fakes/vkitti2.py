"""Virtual KITTI 2's tree with images of 64 x 48 pixels, written by OpenCV alone."""

from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64
VARIATION = "15-deg-left"
HEADER = "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]"

FILES = {
    "rgb": "rgb_{:05d}.jpg",
    "depth": "depth_{:05d}.png",
    "classSegmentation": "classgt_{:05d}.png",
}

# The first pixels of row 0, as red, green and blue: one per class, as `colors.txt` lists them.
COLOURS = (
    *((210, 0, 200), (90, 200, 255), (0, 199, 0), (90, 240, 0), (140, 140, 140)),
    *((100, 60, 100), (250, 100, 255), (255, 255, 0), (200, 200, 0), (255, 130, 0)),
    *((80, 80, 80), (160, 60, 60), (255, 127, 80), (0, 139, 139), (0, 0, 0)),
)


def base(root: Path, kind: str, archives: bool) -> Path:
    return root / f"vkitti_2.0.3_{kind}" if archives else root


def frame_file(
    root: Path,
    kind: str,
    scene: str = "Scene01",
    number: int = 0,
    camera: int = 0,
    variation: str = VARIATION,
    archives: bool = False,
) -> Path:
    folder = base(root, kind, archives) / scene / variation / "frames" / kind / f"Camera_{camera}"
    return folder / FILES[kind].format(number)


def text_file(
    root: Path, scene: str = "Scene01", variation: str = VARIATION, archives: bool = False
) -> Path:
    return base(root, "textgt", archives) / scene / variation / "intrinsic.txt"


def write_drive(
    root: Path,
    scene: str,
    numbers: tuple[int, ...] = (0,),
    cameras: tuple[int, ...] = (0,),
    variation: str = VARIATION,
    archives: bool = False,
) -> None:
    """Writes frames of a scene, and the parameters of both cameras, which differ in each line."""
    for number in numbers:
        for camera in cameras:
            for kind in FILES:
                file = frame_file(root, kind, scene, number, camera, variation, archives)
                file.parent.mkdir(parents=True, exist_ok=True)
                if not cv2.imwrite(str(file), codes(kind, f"{scene}{variation}{camera}{number}")):
                    raise OSError(file)
    text = text_file(root, scene, variation, archives)
    text.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{n} {c} {50 + n} {60 + c} 31.5 23.5" for n in numbers for c in (0, 1)]
    text.write_text("\n".join([HEADER, *lines]) + "\n")


def codes(kind: str, name: str) -> np.ndarray:
    """What a file holds, in OpenCV's order of channels: blue, green, red."""
    if kind == "rgb":
        # One colour, which JPEG keeps up to rounding, and a grey patch that tells frames apart.
        image = np.full((HEIGHT, WIDTH, 3), (40, 80, 200), np.uint8)
        image[24:, 32:] = sum(name.encode()) % 256
        return image
    if kind == "depth":
        depth = np.full((HEIGHT, WIDTH), 1000, np.uint16)
        depth[0, :7] = (0, 1, 257, 8000, 8001, 65534, 65535)
        return depth
    classes = np.full((HEIGHT, WIDTH, 3), COLOURS[5][::-1], np.uint8)
    classes[0, : len(COLOURS)] = [colour[::-1] for colour in COLOURS]
    return classes
