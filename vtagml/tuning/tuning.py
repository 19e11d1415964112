"""What of a backbone learns."""

from abc import ABC, abstractmethod

from vtagml.backbone import Backbone


class Tuning(ABC):
    """Changes a backbone in place so that some of it, or something new in it, learns."""

    merges = True
    """Whether what it adds can be written as weights of the backbone."""

    @abstractmethod
    def tune(self, backbone: Backbone) -> None:
        """Freezes what stays as it is and adds what is new."""

    def merge(self, backbone: Backbone) -> Backbone:
        """Brings a tuned backbone back to the layers and keys of timm, in place.

        Its output stays. Here it has them already; a sibling overrides it where it does not.

        Raises:
            ValueError: What was added cannot be written as weights of the backbone.
        """
        return backbone
