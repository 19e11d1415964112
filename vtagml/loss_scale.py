"""What 16-bit precision multiplies losses by, so that their gradients do not vanish."""

from lightning import Trainer


def loss_scale(trainer: Trainer | None) -> float:
    """By how much the losses are multiplied before their backward; 1 where there is no scaler."""
    scaler = getattr(getattr(trainer, "precision_plugin", None), "scaler", None)
    return 1.0 if scaler is None else scaler.get_scale()
