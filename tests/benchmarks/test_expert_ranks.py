import numpy as np
import pytest
import torch

from tests.benchmarks.expert_ranks import expert_norms


def test_a_line_and_a_band_per_clustering_over_k_and_over_blocks() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (
        [torch.rand(4, 5, generator=generator, dtype=torch.float64) for _ in range(5)]
        for _ in range(2)
    )

    figure = expert_norms({"clusters": first, "slices": second}, "experts")

    left, right = figure.axes
    assert "block 4" in left.get_title()
    assert "k = 4" in right.get_title()
    for index, own in enumerate((first, second)):
        assert left.lines[index].get_xdata().tolist() == [1, 2, 3, 4, 5]
        assert left.lines[index].get_ydata() == pytest.approx(own[3].mean(0).numpy())
        of_blocks = np.stack([block[:, 3].numpy() for block in own])
        assert right.lines[index].get_xdata().tolist() == [1, 2, 3, 4, 5]
        assert right.lines[index].get_ydata() == pytest.approx(of_blocks.mean(1))
        (band,) = right.collections[index].get_paths()
        assert band.vertices[:, 1].max() == of_blocks.max()
        assert band.vertices[:, 1].min() == of_blocks.min()
    assert left.lines[0].get_linestyle() != left.lines[1].get_linestyle()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["clusters", "slices"]
