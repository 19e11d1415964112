"""Checks of settings that several callbacks have."""


def check_positive(callback: str, name: str, value: int) -> int:
    """Returns the value, or says what is wrong with it."""
    if value < 1:
        raise ValueError(
            f"`{name}` of {callback} must be at least 1, found {value}: remove the callback to "
            "switch it off."
        )
    return value
