"""Cityscapes: street scenes of 50 cities, seen by a stereo camera in a car."""
