import numpy as np

from datamodules.writing.codes import depth_codes


def test_depth_is_rounded_to_steps_and_invalid_where_unknown_or_too_far() -> None:
    depth = np.array([[1.0, 1.0007, 127.9962, 128.0, 500.0, np.nan]], np.float32)
    # 512 codes per metre: 1.0007 m is 512.36, 127.9962 m is 65534.05; 128 m would be 65536.
    assert depth_codes(depth, 512).tolist() == [[512, 512, 65534, 65535, 65535, 65535]]


def test_depth_of_the_invalid_code_itself_is_not_written_as_known() -> None:
    # 655.354 m would round to 65535, which means sky; 655.34 m is the farthest that can be said.
    assert depth_codes(np.array([[655.34, 655.354]], np.float32), 100).tolist() == [[65534, 65535]]
