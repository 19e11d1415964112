import numpy as np

from datamodules.writing.codes import depth_codes, disparity_codes, normal_codes, recoded


def test_depth_is_rounded_to_steps_and_invalid_where_unknown_or_too_far() -> None:
    depth = np.array([[1.0, 1.0007, 127.9962, 128.0, 500.0, np.nan]], np.float32)
    # 512 codes per metre: 1.0007 m is 512.36, 127.9962 m is 65534.05; 128 m would be 65536.
    assert depth_codes(depth, 512).tolist() == [[512, 512, 65534, 65535, 65535, 65535]]


def test_depth_of_the_invalid_code_itself_is_not_written_as_known() -> None:
    # 655.354 m would round to 65535, which means sky; 655.34 m is the farthest that can be said.
    assert depth_codes(np.array([[655.34, 655.354]], np.float32), 100).tolist() == [[65534, 65535]]


def test_disparity_is_in_256ths_of_a_pixel_from_code_1_on() -> None:
    depth = np.array([[10.0, 100.0, np.nan]], np.float32)
    # 0.2 m · 1000 px / 10 m = 20 px = 5120 / 256 px; a tenth of it at ten times the depth.
    assert disparity_codes(depth, 1000.0, 0.2).tolist() == [[5121, 513, 0]]


def test_disparity_out_of_range_is_invalid() -> None:
    # 200 / 0.7813 m = 255.98 px, code 65532; nearer, codes would wrap around. At 200 km the
    # disparity is 0.26 / 256 px, which rounds to the code 1 of an infinite depth.
    depth = np.array([[0.7813, 0.78, 0.3, 200_000.0]], np.float32)
    codes = disparity_codes(depth, 1000.0, 0.2).tolist()
    assert codes == [[65533, 0, 0, 0]]


def test_normals_are_centred_on_half_way() -> None:
    normals = np.array([[[0, 0, -1], [1, 0, 0], [0, -1, 0], [0.6, 0, -0.8]]], np.float32)
    # 0 is at 127.5, which rounds to the even 128; 1.6 · 127.5 = 204; 0.2 · 127.5 is 25.5, a little
    # less in float32.
    expected = [[128, 128, 0], [255, 128, 128], [128, 0, 128], [204, 128, 25]]
    assert normal_codes(normals)[0].tolist() == expected


def test_unknown_normals_are_the_middle_grey() -> None:
    normals = np.full((1, 1, 3), np.nan, np.float32)
    assert normal_codes(normals).tolist() == [[[128, 128, 128]]]


def test_classes_are_recoded_by_name() -> None:
    classes = (("road", (0, 0, 0)), ("sky", (1, 1, 1)), ("car", (2, 2, 2)))
    ids = {"car": 26, "road": 7, "sky": 300}
    codes = recoded(np.array([[0, 1], [2, 2]], np.uint8), classes, ids)
    assert codes.tolist() == [[7, 300], [26, 26]]
