"""Wake-word models: found, checked, and compiled to the board's ``.wake`` files."""

from mynah.models.catalogue import ShippedModel, compile_model, compiled, shipped, source
from mynah.models.manifest import Manifest
from mynah.models.wake_file import with_cutoff

__all__ = [
    "Manifest",
    "ShippedModel",
    "compile_model",
    "compiled",
    "shipped",
    "source",
    "with_cutoff",
]
