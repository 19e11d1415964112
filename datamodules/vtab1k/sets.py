"""The sets of VTAB-1k that are read, with what their lists do not say."""

from collections.abc import Mapping
from typing import NamedTuple


class Set(NamedTuple):
    """One set: the task, its classes in the order of their ids, and how many photos test it."""

    task: str
    classes: tuple[str, ...]
    test: int


SETS: Mapping[str, Set] = {
    "patch_camelyon": Set("camelyon", ("no tumour", "tumour"), 32768),
    "eurosat": Set(
        "eurosat",
        (
            *("annual crop", "forest", "herbaceous vegetation", "highway", "industrial"),
            *("pasture", "permanent crop", "residential", "river", "sea or lake"),
        ),
        5400,
    ),
    "resisc45": Set(
        "resisc45",
        (
            *("airplane", "airport", "baseball diamond", "basketball court", "beach", "bridge"),
            *("chaparral", "church", "circular farmland", "cloud", "commercial area"),
            *("dense residential", "desert", "forest", "freeway", "golf course"),
            *("ground track field", "harbor", "industrial area", "intersection", "island"),
            *("lake", "meadow", "medium residential", "mobile home park", "mountain", "overpass"),
            *("palace", "parking lot", "railway", "railway station", "rectangular farmland"),
            *("river", "roundabout", "runway", "sea ice", "ship", "snowberg"),
            *("sparse residential", "stadium", "storage tank", "tennis court", "terrace"),
            *("thermal power station", "wetland"),
        ),
        6300,
    ),
    "diabetic_retinopathy": Set(
        "retinopathy", ("none", "mild", "moderate", "severe", "proliferative"), 42670
    ),
}
