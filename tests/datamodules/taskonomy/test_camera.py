from pathlib import Path

import pytest

from datamodules.disk.images import UnreadableFileError
from datamodules.taskonomy.reader import field_of_view


def test_field_of_view_is_in_radians(tmp_path: Path) -> None:
    file = tmp_path / "point_0_view_0_domain_point_info.json"
    file.write_text('{"resolution": 512, "field_of_view_rads": 1.18, "room": "9be1"}')
    assert field_of_view(file) == 1.18


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"resolution": 512}', "KeyError"),
        ('{"field_of_view_rads": 3.2}', "3.2"),
        ('{"field_of_view_rads": NaN}', "nan"),
        ('{"field_of_view_rads": "1.2"}', "'1.2'"),
    ],
)
def test_damaged_camera_file_is_named(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "point_0_view_0_domain_point_info.json"
    file.write_text(content)
    with pytest.raises(UnreadableFileError, match=found) as error:
        field_of_view(file)
    assert str(file) in str(error.value)
