import pytest

from vtagml.tasks import Depth, Edges, Normals


def test_weight_is_kept() -> None:
    assert Depth(weight=0.5).weight == 0.5
    assert Depth().weight == 1


@pytest.mark.parametrize("name", ["", "image", "camera", "sur.face", "my depth", "val/depth"])
def test_name_rejects(name: str) -> None:
    with pytest.raises(ValueError, match=r"`name` of a task must be one word .* found"):
        Normals(name=name)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weight_rejects(weight: float) -> None:
    with pytest.raises(ValueError, match=r"`weight` of edges must be a finite number"):
        Edges(weight=weight)
