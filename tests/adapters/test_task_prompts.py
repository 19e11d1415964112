import pytest
import torch

from vtagml.adapters import TaskPrompts

TASKS = ("depth", "normals")


def test_features_worked_by_hand() -> None:
    prompts = TaskPrompts(TASKS, channels=4, heads=2)
    # Of two channels per head: the first fits one task's first head by 2/√2, nothing the other's.
    prompts.prompts.rows.data = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, -3]])
    features = torch.tensor([1.0, 1, 5, 2]).expand(2, 1, 1, 4)

    depth, normals = prompts(features).flatten(1)

    fits = torch.tensor([2.0, -6]) / 2**0.5
    gelu = fits * torch.special.ndtr(fits)
    torch.testing.assert_close(depth, torch.stack([gelu[0], gelu[0], *torch.zeros(2)]))
    torch.testing.assert_close(normals, torch.stack([*torch.zeros(2), 5 * gelu[1], 2 * gelu[1]]))


@pytest.mark.parametrize("tokens", [(5,), (3, 4)])
def test_a_task_s_prompt_weighs_its_own_features(tokens: tuple[int, ...]) -> None:
    prompts = TaskPrompts(TASKS, channels=8, heads=2)
    features = torch.randn(2, 3, *tokens, 8)
    before = prompts(features)

    prompts.prompts.rows.data[1] += 1

    after = prompts(features)
    assert torch.equal(after[0], before[0])
    assert not torch.allclose(after[1], before[1])
