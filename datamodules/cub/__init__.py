"""CUB-200-2011: birds of 200 species."""
