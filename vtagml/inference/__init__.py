"""A trained network at work: predictions from Python, and files for programs without this package.

`load` makes a `Predictor` of a run folder or checkpoint; it takes images of any size and gives a
`Prediction` per image. `export_network` writes its `InferenceForm`, in which affinities are
constants, as an ONNX file, and compares the file with the original; `merge_run` does so with its
backbone as a plain network of timm. Beside the commands this is the one room that sees
`datamodules`: photos are read and laid into the network's input as `lightning predict` does it, by
the same code.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.inference.baked import InferenceForm as InferenceForm
    from vtagml.inference.exporting import Exported as Exported
    from vtagml.inference.exporting import export_network as export_network
    from vtagml.inference.merging import MergedFile as MergedFile
    from vtagml.inference.merging import merge_run as merge_run
    from vtagml.inference.prediction import Prediction as Prediction
    from vtagml.inference.predictor import Predictor as Predictor
    from vtagml.inference.predictor import load as load

open_when_asked(__name__)
