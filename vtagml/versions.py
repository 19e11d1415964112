"""Versions of Python and of the packages that a result depends on."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("torch", "lightning", "timm", "torchmetrics", "vtagml")


def versions() -> dict[str, str | None]:
    """Returns the versions of Python and of the packages that matter, None where not installed."""
    installed: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            installed[package] = None
    return installed
