"""What the numbers in Taskonomy's files mean, where reading and writing have to agree."""

# Taskonomy divides what Sobel answers by 4√2; `sobel_edges` by the answer to a step from black to
# white. With a Gaussian of 3 pixels, whose tallest taps are 0.132985 and 0.125798, such a step is
# 4 · (0.132985 + 0.125798) / (4√2) there, and 1 here.
STEP_EDGE = 0.182987
"""`edge_texture` / 65535 of a step from black to white, which is 1 in samples."""
