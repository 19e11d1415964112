"""What of a backbone learns."""

from abc import ABC, abstractmethod
from typing import TypeVar

from torch import nn

from vtagml.backbone import Backbone

Network = TypeVar("Network", bound=nn.Module)


class Tuning(ABC):
    """Changes a backbone in place so that some of it, or something new in it, learns."""

    merges = True
    """Whether what it adds can ever be written as weights of the backbone."""

    @abstractmethod
    def tune(self, backbone: Backbone) -> None:
        """Freezes what stays as it is and adds what is new."""

    def mergeable(self, network: nn.Module) -> bool:
        """Whether what it added to a network can be merged as the network is now."""
        return self.merges

    def merge(self, network: Network) -> Network:
        """Brings a tuned backbone, or some of its blocks, back to timm's layers and keys, in place.

        Its output stays. What stands around a layer gives it back by `merged`; a sibling overrides
        this where more is to be done.

        Raises:
            ValueError: What was added cannot be written as weights of the backbone.
        """
        for name, module in list(network.named_modules()):
            if merged := getattr(type(module), "merged", None):
                network.set_submodule(name, merged(module))
        return network
