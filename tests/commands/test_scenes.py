from pathlib import Path

import pytest
import yaml

from datamodules.writing import stand_ins
from vtagml.commands.command import Command
from vtagml.commands.scenes import SMALL_BATCH

main = Command("scenes")
OVERLAY = Path(__file__).parents[2] / "experiments" / "small.yaml"


def words(out: Path, *more: str) -> list[str]:
    required = ["--as", "cityscapes", "--out", str(out), "--count", "1"]
    return [*required, "--size", "16", "24", "--processes", "0", *more]


def test_it_says_what_it_will_write_and_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words(tmp_path / "new"))
    first, *_, last = capsys.readouterr().out.strip().splitlines()
    # Four files for each of the three scenes.
    assert first.startswith(
        "cityscapes (plain): 1 train, 1 val, 1 test scenes of 16 x 24 pixels. 12 files to write in"
    )
    assert last == (
        "  lightning fit --config experiments/cityscapes_sdn.yaml"
        f" --config experiments/small.yaml --data.root {tmp_path}/new --data.batch_size 1"
    )
    assert (tmp_path / "new/leftImg8bit/val/frankfurt").is_dir()


@pytest.mark.parametrize(("count", "ending"), [(7, "/new --data.batch_size 7"), (8, "/new")])
def test_the_proposed_training_fills_its_batches(
    count: int, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert yaml.safe_load(OVERLAY.read_text())["data"]["init_args"]["batch_size"] == SMALL_BATCH
    main([*words(tmp_path / "new"), "--count", str(count), "--size", "16", "16"])
    assert capsys.readouterr().out.endswith(f"{ending}\n")


def test_it_says_what_is_there_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(words(tmp_path / "new"))
    next((tmp_path / "new/disparity").rglob("*.png")).unlink()
    capsys.readouterr()
    main(words(tmp_path / "new"))
    assert "1 files to write" in (text := capsys.readouterr().out)
    assert "(11 more are there already)" in text


def test_it_replaces_scenes_of_other_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words(tmp_path / "new"))
    with pytest.raises(ValueError, match="--overwrite"):
        main(words(tmp_path / "new", "--look", "dusk"))
    capsys.readouterr()
    main(words(tmp_path / "new", "--look", "dusk", "--overwrite"))
    assert "12 files to write" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--coun", "1"], "`--coun` is no option of `scenes`.*Did you mean `--count`"),
        (["--as", "kitti"], "`as` should be one of .*found 'kitti'"),
        (
            ["--form", "gif"],
            r"`form` of cityscapes should be one of .*found 'gif'",
        ),
        (["--size", "16"], "expected 2 arguments"),
        (["--count", "-1"], "count"),
    ],
)
def test_a_wrong_word_is_refused(tmp_path: Path, wrong: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        main(words(tmp_path / "new", *wrong))


def test_what_is_lacking_is_named_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"`--as` must be given, found none: `lightning scenes --"):
        main([])


def test_help_names_every_dataset() -> None:
    assert ", ".join(sorted(stand_ins())) in " ".join(Command("scenes").help.split())


def test_a_set_that_is_read_with_others_is_no_experiment_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*words(tmp_path / "new"), "--as", "aircraft", "--size", "16", "16"])
    first, *_, before, last = capsys.readouterr().out.strip().splitlines()
    # An image each, the names of the variants, and four lists.
    assert first.startswith("aircraft (archive): 1 train, 1 val, 1 test scenes of 16 x 16 pixels.")
    assert "8 files to write" in first
    assert "fgvc.yaml reads it with other sets, each from the `root` that it names" in before
    assert last == (
        "  lightning fit --config experiments/fgvc.yaml --config experiments/small_classes.yaml"
    )
    assert (OVERLAY.parent / "fgvc.yaml").is_file()
    assert (OVERLAY.parent / "small_classes.yaml").is_file()
