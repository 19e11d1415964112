"""Texture edges as Taskonomy defines them, on one scale for images of every width."""

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

# Taskonomy blurs its 512 pixels wide images with 3 pixels.
TASKONOMY_WIDTH = 512
TASKONOMY_SIGMA = 3.0
# The kernel reaches four standard deviations, as scipy.ndimage's and hence Taskonomy's does.
REACH = 4.0


def sobel_edges(image: UInt8[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "height width"]:
    """Strength of the texture edges of an RGB image; 1 is a step from black to white.

    Luma in 8 bits, a Gaussian of 3 pixels per 512 pixels of width (normalised by its mass inside
    the image, so that borders are no edges), then the magnitude of the Sobel gradient. The result
    is divided by what this very filter answers to a vertical step from black to white, so the
    same edge has the same value at every resolution.

    Note:
        At 512 pixels this is a constant multiple (5.46) of Taskonomy's `edge_texture` / 65535,
        clipped at 1. As there, the outermost row and column on each side are 0.
    """
    height, width = image.shape[:2]
    kernel = _gaussian(TASKONOMY_SIGMA * width / TASKONOMY_WIDTH)
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    blurred = cv2.sepFilter2D(luma, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    blurred /= np.outer(_mass(kernel, height), _mass(kernel, width))
    magnitude = cv2.magnitude(
        cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    )
    edges = np.minimum(magnitude / _step_response(kernel), np.float32(1))
    edges[[0, -1], :] = 0
    edges[:, [0, -1]] = 0
    return edges


@lru_cache
def _gaussian(sigma: float) -> Float32[np.ndarray, " taps"]:
    radius = int(REACH * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def _mass(kernel: Float32[np.ndarray, " taps"], length: int) -> Float32[np.ndarray, " length"]:
    """How much of the kernel lies inside an image of `length` pixels, at each pixel."""
    inside = np.ones((1, length), np.float32)
    mass = cv2.filter2D(inside, cv2.CV_32F, kernel[None], borderType=cv2.BORDER_CONSTANT)
    return mass[0]


def _step_response(kernel: Float32[np.ndarray, " taps"]) -> np.float32:
    """Sobel magnitude beside a vertical step from 0 to 1.

    The blurred step rises by the kernel's taps, one per pixel. Sobel takes the difference over
    two pixels, in three rows with weights 1, 2, 1: four times the two tallest taps.
    """
    middle = len(kernel) // 2
    neighbour = kernel[middle + 1] if len(kernel) > 1 else np.float32(0)
    return np.float32(4 * (kernel[middle] + neighbour))
