"""Find models: those shipped with pymicro-wakeword, and files that a user names."""

from __future__ import annotations

import importlib.util
import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from mynah.errors import ModelError
from mynah.models import quantise, tflite, wake_file
from mynah.models.lowering import lower
from mynah.models.manifest import Manifest

_PACKAGE = "pymicro_wakeword"
_DEFAULT_MICRO = {"probability_cutoff": 0.97, "sliding_window_size": 5, "feature_step_size": 10}


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """A model that came with pymicro-wakeword; ``name`` is that of its file."""

    name: str
    tflite: Path
    manifest: Manifest
    manifest_json: str


def compile_model(tflite_bytes: bytes, manifest_json: str, *, licence: str = "") -> bytes:
    """Compile a microWakeWord ``.tflite`` and its JSON manifest to a ``.wake`` file.

    Raises:
        ModelError: the model is corrupt, or has an operator, a type or a shape that Mynah does not
            run (the message names it), or the manifest is none.
    """
    manifest = Manifest.from_microwakeword(manifest_json, licence=licence)
    try:
        graphs = tflite.parse(tflite_bytes)
        program = lower(graphs)
        quantisation = graphs[0].tensors[graphs[0].inputs[0]].quantisation
        assert quantisation is not None
        formula = quantise.feature_formula(quantisation.scale, quantisation.zero_point)
        return wake_file.build(program, manifest, formula)
    except (ArithmeticError, LookupError, ValueError, struct.error) as error:
        # Indices and numbers of a damaged file that the checks by name did not foresee.
        raise ModelError(f"the model file is corrupt ({error!r})") from error


@lru_cache(maxsize=1)
def shipped() -> dict[str, ShippedModel]:
    """The models inside the installed pymicro-wakeword, by name.

    Raises:
        ModelError: the package or its models are not there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        raise ModelError("no wake-word models: pip install pymicro-wakeword brings four")
    licence = _package_licence()
    models = {}
    for path in sorted(folder.glob("*.json")):
        text = path.read_text("utf-8")
        model = ShippedModel(
            name=path.stem,
            tflite=path.with_name(str(json.loads(text)["model"])),
            manifest=Manifest.from_microwakeword(text, licence=licence),
            manifest_json=text,
        )
        models[model.name] = model
    return models


def compiled(name: str) -> bytes:
    """The ``.wake`` file of a shipped model, or of a file.

    Args:
        name: a name of `shipped`; or a path: a ``.wake`` file, a microWakeWord ``.json`` beside its
            ``.tflite``, or a ``.tflite`` (whose ``.json`` beside it is used where there is one).

    Raises:
        ModelError: no such model, or one that cannot be run.
    """
    if name in shipped():
        return _compile_shipped(name)
    path = Path(name)
    if not path.is_file():
        names = ", ".join(shipped())
        raise ModelError(f"no wake-word model {name!r}: give one of {names}, or a file")
    return _compile_file(path)


def source(name: str) -> Path:
    """The ``.tflite`` file of a model that `compiled` takes.

    Raises:
        ModelError: no such model, or a ``.wake`` file, which has none.
    """
    if name in shipped():
        return shipped()[name].tflite
    path = Path(name)
    if path.suffix == ".json" and path.is_file():
        return path.with_name(str(json.loads(path.read_text("utf-8")).get("model", "")))
    if path.suffix != ".tflite" or not path.is_file():
        raise ModelError(f"TensorFlow Lite needs the .tflite that {name} was made of")
    return path


@lru_cache(maxsize=8)
def _compile_shipped(name: str) -> bytes:
    model = shipped()[name]
    licence = model.manifest.licence
    return compile_model(model.tflite.read_bytes(), model.manifest_json, licence=licence)


def _compile_file(path: Path) -> bytes:
    if path.suffix == ".wake":
        data = path.read_bytes()
        wake_file.read(data)
        return data
    if path.suffix == ".json":
        text = path.read_text("utf-8", "replace")
        try:
            model = path.with_name(str(json.loads(text)["model"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} is not a microWakeWord manifest: {error!r}") from error
        if not model.is_file():
            raise ModelError(f"{path} names {model.name}, which is not beside it")
        return compile_model(model.read_bytes(), text)
    beside = path.with_suffix(".json")
    text = (
        beside.read_text("utf-8", "replace")
        if beside.is_file()
        else json.dumps({"wake_word": path.stem, "micro": _DEFAULT_MICRO})
    )
    return compile_model(path.read_bytes(), text)


def _package_licence() -> str:
    try:
        fields = metadata.metadata("pymicro-wakeword")
    except metadata.PackageNotFoundError:
        return ""
    names = [name for name in ("License-Expression", "License") if name in fields]
    return fields[names[0]] if names else ""
