import pytest
import torch
from torch import nn

from vtagml.adapters import TaskEmbedding
from vtagml.adapters.task_scaled_norm import TaskScaledNorm


def test_one_hot_affinity_picks_the_task_s_own_embedding() -> None:
    embedding = TaskEmbedding("abc", 8)

    assert torch.equal(embedding(torch.eye(3)), embedding.rows)


def test_golden_average() -> None:
    embedding = TaskEmbedding("ab", 2)
    with torch.no_grad():
        embedding.rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))

    # Row (target): three quarters of task 0, a quarter of task 1.
    mixed = embedding(torch.tensor([[0.75, 0.25]]))

    assert torch.equal(mixed, torch.tensor([[0.75, 1.0]]))


def test_uniform_affinity_makes_all_tasks_equal() -> None:
    mixed = TaskEmbedding("abcd")(torch.full((4, 4), 0.25))

    assert torch.equal(mixed, mixed[:1].expand(4, -1))


def test_rows_of_untrained_tasks_are_welcome() -> None:
    assert TaskEmbedding("ab", 8)(torch.rand(5, 2)).shape == (5, 8)


def test_affinity_may_come_in_another_precision() -> None:
    assert TaskEmbedding("ab", 8)(torch.eye(2, dtype=torch.float64)).dtype == torch.float32


def test_a_wrong_number_of_columns_names_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"`omega`.* 2 trained tasks, found 3 columns"):
        TaskEmbedding("ab")(torch.eye(3))


def test_no_task_is_refused() -> None:
    with pytest.raises(ValueError, match="`tasks`"):
        TaskEmbedding([])


def test_the_embeddings_have_about_unit_length() -> None:
    lengths = TaskEmbedding([str(n) for n in range(100)], 64).rows.norm(dim=1)

    assert 0.9 < lengths.mean() < 1.1


def test_averaged_embeddings_modulate_as_the_averaged_modulations_of_the_tasks() -> None:
    embedding, omega = TaskEmbedding(["a", "b", "c"], 8), torch.rand(2, 3).softmax(1)
    norm = TaskScaledNorm(nn.LayerNorm(5), 8)
    nn.init.normal_(norm.film.generator.weight)
    nn.init.normal_(norm.film.generator.bias)

    averaged = norm.modulation(embedding(omega))

    for found, of_tasks in zip(averaged, norm.modulation(embedding.rows), strict=True):
        torch.testing.assert_close(found, omega @ of_tasks)
