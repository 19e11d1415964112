"""FGVC-Aircraft: 100 variants of aircraft."""
