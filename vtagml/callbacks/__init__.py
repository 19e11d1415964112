"""What a run shows and leaves behind: tables, figures, numbers with what produced them.

Each callback does one thing, on rank zero only, with any logger or none. Files go to the run's
folder (the Trainer's `default_root_dir`) and appear there whole or not at all. What a run can do
without, a figure on a full disk, is one warning; `metrics.json` and saved weights are not.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.callbacks.adapters import LoadAdapters as LoadAdapters
    from vtagml.callbacks.affinity_heatmap import AffinityHeatmap as AffinityHeatmap
    from vtagml.callbacks.augmented_testing import AugmentedTesting as AugmentedTesting
    from vtagml.callbacks.feature_cache import FeatureCache as FeatureCache
    from vtagml.callbacks.gradient_conflicts import GradientConflicts as GradientConflicts
    from vtagml.callbacks.jacobian_aggregation import JacobianAggregation as JacobianAggregation
    from vtagml.callbacks.parameter_table import ParameterTable as ParameterTable
    from vtagml.callbacks.prediction_grid import PredictionGrid as PredictionGrid
    from vtagml.callbacks.prediction_writer import PredictionWriter as PredictionWriter
    from vtagml.callbacks.progress import Progress as Progress
    from vtagml.callbacks.progressive_resizing import ProgressiveResizing as ProgressiveResizing
    from vtagml.callbacks.provenance import provenance as provenance
    from vtagml.callbacks.results import Results as Results
    from vtagml.callbacks.router_fading import RouterFading as RouterFading
    from vtagml.callbacks.save_backbone import SaveBackbone as SaveBackbone
    from vtagml.callbacks.skip_faulty_steps import FaultyTrainingError as FaultyTrainingError
    from vtagml.callbacks.skip_faulty_steps import SkipFaultySteps as SkipFaultySteps
    from vtagml.callbacks.throughput import Throughput as Throughput

open_when_asked(__name__)
