"""Constructors name what is a dataset's own; what all share, the base names and explains once."""

import inspect

import pytest
from jsonargparse import ArgumentParser
from lightning import LightningDataModule

import datamodules
from datamodules import DenseDataModule, FileDataModule
from vtagml.constructors import arguments

KINDS = [
    kind
    for kind in (getattr(datamodules, name) for name in datamodules.__all__)
    if isinstance(kind, type) and issubclass(kind, DenseDataModule)
]
CONCRETE = [kind for kind in KINDS if kind not in (DenseDataModule, FileDataModule)]
MOST_OWN = 9
# Of all datasets, by default.
COMMON = {"tasks": None, "seed": 0, "augment": None, "withheld": []}


def parser() -> ArgumentParser:
    made = ArgumentParser(exit_on_error=False)
    made.add_subclass_arguments(LightningDataModule, "data")
    return made


def own(kind: type) -> dict[str, inspect.Parameter]:
    return dict(list(inspect.signature(vars(kind)["__init__"]).parameters.items())[1:])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "__init__" in vars(kind)])
def test_no_argument_is_named_again_without_a_reason(kind: type) -> None:
    named = own(kind)
    assert len(named.keys() - {"options"}) <= MOST_OWN
    if "options" in named:
        base = own(next(each for each in kind.__mro__[1:] if "__init__" in vars(each)))
        for name in named.keys() & base.keys() - {"options"}:
            required = named[name].default is inspect.Parameter.empty
            assert required or named[name].default != base[name].default, name


@pytest.mark.parametrize("kind", [kind for kind in CONCRETE if kind.offers])
def test_a_config_is_resolved_with_all_defaults(kind: type[DenseDataModule]) -> None:
    needed = {"root": "somewhere", "image_size": [32, 64], "classes": ["leaf"]}
    given = {name: needed[name] for name in needed.keys() & arguments(kind)}
    words = [f"--data.{name}={value}" for name, value in given.items()]
    config = parser().parse_args([f"--data=datamodules.{kind.__name__}", *words])
    resolved = config.data.init_args.as_dict()
    assert resolved.keys() == set(arguments(kind))
    assert {name: resolved[name] or default for name, default in COMMON.items()} == COMMON
    made = kind(**resolved)
    for name in ("batch_size", "workers", "seed", "image_size"):
        assert getattr(made, name) == resolved[name]


def test_help_explains_what_the_base_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--data.help=datamodules.Cityscapes"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Samples per batch and rank. (type: int, default: 16)" in shown
    assert "Height and width of the network's input. (required, type: tuple[int, int])" in shown
    assert "One of `cityscapes_19`, `cityscapes_16`" in shown
