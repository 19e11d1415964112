"""Processes that load, decode or draw beside this one, and how far they are."""
