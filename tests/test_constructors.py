"""What a class takes, with what its bases take where it hands the rest on."""

from vtagml.constructors import arguments


class Base:
    def __init__(self, seed: int = 0, tasks: tuple[str, ...] = ()) -> None: ...


class Handing(Base):
    def __init__(self, root: str, seed: int = 1, **options) -> None:
        super().__init__(seed=seed, **options)


class Inheriting(Handing): ...


class Closed(Base):
    def __init__(self, *roots: str) -> None: ...


def test_arguments_that_are_handed_on_are_those_of_the_base() -> None:
    assert arguments(Handing) == ["root", "seed", "tasks"]
    assert arguments(Inheriting) == ["root", "seed", "tasks"]


def test_a_class_that_hands_nothing_on_takes_its_own_alone() -> None:
    assert arguments(Closed) == []
    assert arguments(Base) == ["seed", "tasks"]


def test_functions_have_arguments_too() -> None:
    assert arguments(lambda first, *others, last=1: None) == ["first", "last"]
