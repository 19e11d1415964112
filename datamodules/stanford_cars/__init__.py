"""Stanford Cars: 196 models of cars."""
