"""Full fine-tuning of one backbone for all tasks: what adapters are measured against."""

from vtagml.encoders.frozen import SharedBackbone


class FullFineTuning(SharedBackbone):
    """One backbone, every parameter of it trains, shared by all tasks.

    The multitask baseline of the dense-prediction surveys: hard parameter sharing.
    """
