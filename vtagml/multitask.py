"""A module of Lightning's, as one of several tasks."""

from lightning import LightningModule

from vtagml.module import MultitaskModule


def multitask(module: LightningModule) -> MultitaskModule:
    """Returns the module, if it is one of several tasks."""
    if not isinstance(module, MultitaskModule):
        raise ValueError(
            f"`model` must be a `vtagml.MultitaskModule`, found `{type(module).__name__}`: leave "
            "out the callbacks that show or save its tasks and its network."
        )
    return module
