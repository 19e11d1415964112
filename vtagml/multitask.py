"""A module of Lightning's, as one of several tasks."""

from lightning import LightningModule

from vtagml.module import MultitaskModule


def multitask(module: LightningModule) -> MultitaskModule:
    """Returns the module, if it is one of several tasks."""
    if not isinstance(module, MultitaskModule):
        raise ValueError(
            f"`model` must be a `vtagml.MultitaskModule`, found `{type(module).__name__}`: the "
            "command line runs no other. A method is an encoder, a loss an objective of it."
        )
    return module
