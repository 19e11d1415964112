"""Polyhistor-Lite: one decomposed hypernetwork, and kernels that scale what it makes."""

from vtagml.adapters import ScaledHyperNetwork
from vtagml.encoders.polyhistor import Polyhistor


class PolyhistorLite(Polyhistor):
    """Polyhistor with layer-wise scaling kernels (Liu et al., NeurIPS 2022, Sec. 4.2 and 4.3).

    One decomposed hypernetwork makes templates for blocks of the narrowest width; the adapter of a
    wider block is the Kronecker product of a small kernel of the block's own with its template.

    Note:
        0.42 M numbers on Swin-T for four tasks, of the paper's 0.41 M; which of its settings give
        these is not known. On a ViT, whose blocks have one width, a kernel is a number.
    """

    hyper = ScaledHyperNetwork
