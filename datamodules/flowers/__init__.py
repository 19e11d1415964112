"""Oxford Flowers: 102 kinds of flowers."""
