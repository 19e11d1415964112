"""Taskonomy: images of several hundred scanned buildings, with all four tasks shipped."""
