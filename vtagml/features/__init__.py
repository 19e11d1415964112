"""What a frozen part of a network says of an image, kept on disk: computed once per view."""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.features.feature_store import FeatureStore as FeatureStore
    from vtagml.features.fingerprints import fingerprints as fingerprints
    from vtagml.features.kept_prefix import KeptPrefix as KeptPrefix

open_when_asked(__name__)
