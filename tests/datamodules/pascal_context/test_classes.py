from datamodules.pascal_context.classes import HAS_NORMALS, PART_IDS, PARTS, PASCAL_21, PERSON

# The ids among the 459 of the classes 1 to 20, in their order.
CONTEXT = (
    *(2, 23, 25, 31, 34, 45, 59, 65, 72, 98, 397, 113, 207, 258, 284, 308, 347, 368, 416, 427),
)


def test_classes_are_those_of_pascal_voc_in_its_order() -> None:
    assert len(PASCAL_21.names) == 21
    assert (PASCAL_21.names[0], PASCAL_21.names[20]) == ("background", "tvmonitor")
    assert [*PASCAL_21.names[1:]] == sorted(PASCAL_21.names[1:])
    assert PERSON == 15
    # The palette of its tools takes the bits of an id in turn: 15 is 1111.
    assert PASCAL_21.colours[15] == (192, 128, 128)
    assert len(set(PASCAL_21.colours)) == 21


def test_normals_are_believed_in_170_regions_and_half_of_the_classes() -> None:
    assert HAS_NORMALS.sum() == 170
    assert not HAS_NORMALS[[0, 431]].any()  # 431 is "unknown"
    without = {
        *("aeroplane", "bird", "boat", "bus", "cow", "horse", "motorbike", "pottedplant"),
        *("sheep", "train"),
    }
    assert without == {
        PASCAL_21.names[number] for number, id in enumerate(CONTEXT, start=1) if not HAS_NORMALS[id]
    }


def test_parts_of_people_fall_into_six() -> None:
    assert len(PART_IDS) == 24
    assert PARTS.names[PART_IDS["lear"]] == "head"
    assert PARTS.names[PART_IDS["neck"]] == "torso"
    assert PARTS.names[PART_IDS["rhand"]] == "lower arm"
    assert PARTS.names[PART_IDS["lfoot"]] == "lower leg"
    assert set(PART_IDS.values()) == {1, 2, 3, 4, 5, 6}
    # Both sides of the body alike.
    for side in ("uarm", "larm", "hand", "uleg", "lleg", "foot", "ear", "eye", "ebrow"):
        assert PART_IDS[f"l{side}"] == PART_IDS[f"r{side}"]
