"""A backbone as the network of timm that it is: how it is built, and the weights that it loads."""

from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor, nn

from vtagml.backbone.backbone import Backbone
from vtagml.backbone.timm_backbone import TimmBackbone
from vtagml.backbone.weights import differing_keys


class PlainNetwork:
    """What makes a network of timm from a file of weights, without this package.

    Args:
        backbone: What has the weights; nothing in it may be other than timm's.
        head: What reads the backbone's summary of the image, for a network with such a head.

    Attributes:
        architecture: timm's name of it, with the tag that says how images are standardised.
        arguments: What `timm.create_model` takes beside the name.
        weights: timm's keys, all of them.
        head: How many numbers of these the head has.
        untrained: Those keys that no map of a pyramid passes, as a final norm of Swin: they are as
            timm starts them.
    """

    def __init__(self, backbone: Backbone, head: nn.Linear | None = None) -> None:
        if not isinstance(backbone, TimmBackbone):
            raise ValueError(
                f"`backbone` must be a network of timm, found {type(backbone).__name__}: its "
                "weights load nowhere else. `lightning export --to onnx` writes any network."
            )
        heading = head.state_dict(prefix="head.") if head and backbone.heads_summary else {}
        classes = len(heading["head.weight"]) if heading else 0
        self.head = sum(value.numel() for value in heading.values())
        self.architecture = backbone.architecture
        self.arguments = {**backbone.arguments, "num_classes": classes}
        started = self._created().state_dict()
        own = {**backbone.model.state_dict(), **heading}
        missing = started.keys() - own.keys()
        self.untrained = sorted(key for key in missing if key.startswith(backbone.unused))
        self.weights = own | {key: started[key] for key in self.untrained}
        if problems := list(differing_keys(started, self.weights)):
            raise ValueError(
                f"What is merged must have the keys of timm's `{self.architecture}`, found "
                f"{len(problems)} differences, first {'; '.join(problems[:4])}. A tuning that "
                "adds what cannot be merged says so by `merges = False`."
            )

    @property
    def call(self) -> str:
        """The Python that builds it."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f'timm.create_model("{self.architecture}", {arguments})'

    def loaded(self, weights: Mapping[str, Tensor]) -> Any:
        """Returns timm's network with weights of any precision, which it takes on."""
        network = self._created()
        network.to(next(value.dtype for value in weights.values() if value.is_floating_point()))
        network.load_state_dict(weights)
        return network.eval()

    def _created(self) -> nn.Module:
        return timm.create_model(self.architecture, **self.arguments)
