"""Datasets that are drawn and need no download: rooms, streets, objects, planted tasks."""
