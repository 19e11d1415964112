import torch

from tests.fakes.backbones import TinySwinV2
from vtagml.backbone import Swin
from vtagml.encoders import Hyperformer


def test_count_on_swin_t() -> None:
    with torch.device("meta"):  # shapes alone
        network = Hyperformer(("a", "b", "c", "d"), Swin(weights=None))

    # Embeddings of 4 tasks and 12 blocks, and the projector, 128 → 64 → 64 with biases.
    conditions = 16 * 64 + 128 * 64 + 64 + 64 * 64 + 64
    # Of each width d, from 64 numbers: two matrices d · d/2, biases d/2 and d.
    generated = 64 * sum(width * width + width // 2 + width for width in (96, 192, 384, 768))
    assert conditions + generated == 50_286_720
    trained = sum(each.numel() for each in network.parameters() if each.requires_grad)
    assert trained == conditions + generated


def test_blocks_of_one_width_have_one_generator() -> None:
    network = Hyperformer(("a", "b"), TinySwinV2(), embedding=8)

    names = {name.split(".")[2] for name in network.state_dict() if ".generators." in name}
    assert names == {"16", "32", "64", "128"}


def test_what_a_bottleneck_reads_is_projected_as_by_a_new_linear_layer() -> None:
    network = Hyperformer(("a", "b"), Swin(weights=None))

    for weights in network.hypernetwork().values():
        channels = weights.down.shape[1]
        # Entries of a linear layer's start are spread evenly between ± 1/√d.
        assert 0.9 < weights.down.std() * (3 * channels) ** 0.5 < 1.1
        assert not weights.up.any()


def test_the_state_has_the_embeddings_under_their_tasks_names() -> None:
    state = Hyperformer(("a", "b"), TinySwinV2(), embedding=8).state_dict()

    assert {"hypernetwork.tasks.a", "hypernetwork.tasks.b"} < state.keys()
    assert torch.linalg.vector_norm(state["hypernetwork.tasks.a"]) > 0
