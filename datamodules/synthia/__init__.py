"""SYNTHIA-RAND-CITYSCAPES: rendered street scenes with the classes of Cityscapes."""
