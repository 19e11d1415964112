"""VTAB-1k: sets with a thousand images for training."""
