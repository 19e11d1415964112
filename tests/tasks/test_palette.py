from vtagml.tasks.palette import BASE, UNKNOWN_GREY, palette


def test_colours_are_distinct_in_8_bits() -> None:
    colours = {tuple(round(255 * part) for part in colour) for colour in palette(255)}
    assert len(colours) == 255


def test_fewer_classes_have_the_same_colours() -> None:
    assert palette(40)[:13] == palette(13)


def test_shades_differ_by_brightness() -> None:
    colours = palette(3 * len(BASE))
    full, half, three_quarters = colours[0], colours[len(BASE)], colours[2 * len(BASE)]
    # Mixed with 0, 0.4 and 0.2 of black.
    assert sum(full) > sum(three_quarters) > sum(half) > 0


def test_no_class_looks_unknown() -> None:
    assert all(max(abs(part - UNKNOWN_GREY) for part in colour) > 0.05 for colour in palette(255))
