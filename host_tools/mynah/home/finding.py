"""Which description a device has: the user's file, one that Mynah ships, or miot-spec.org's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mynah.home import fetch, miot, old
from mynah.home.description import Description, DescriptionError

if TYPE_CHECKING:
    from pathlib import Path


def describe(
    model: str, spec: Path | None = None, *, kind: str | None = None, service: int | None = None
) -> Description:
    """The description of a device.

    Args:
        model: as the device names itself ("yeelink.light.ct2").
        spec: a MIoT spec v2 instance (JSON), or a description of an old device (TOML or JSON);
            None: what Mynah knows or miot-spec.org has for the model.
        kind: take it for this type.
        service: number of the main service, for a device with several of a kind (MIoT only).

    Raises:
        DescriptionError: the file or the instance cannot be used.
        NoSpecError: nobody has a description of the model.
        MynahError: miot-spec.org answered with something strange.
    """
    if spec is not None:
        return _from_file(spec, model, kind, service)
    found = old.shipped(model)
    if found is not None:
        return _as(found, kind)
    if not model:
        raise DescriptionError("the model is not known: pass --model NAME or --spec FILE")
    return miot.compile_instance(fetch.instance(model), kind=kind, service=service)


def _from_file(path: Path, model: str, kind: str | None, service: int | None) -> Description:
    if path.suffix == ".toml":
        return _as(old.read(path, model), kind)
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DescriptionError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DescriptionError(f"{path.name}: {error}") from None
    if isinstance(data, dict) and "roles" in data:
        return _as(old.choose(data, model, path.name), kind)
    try:
        return miot.compile_instance(data, kind=kind, service=service)
    except DescriptionError as error:
        raise DescriptionError(f"{path.name}: {error}") from None


def _as(description: Description, kind: str | None) -> Description:
    if kind is None or kind == description.type:
        return description
    return Description(kind, description.roles, description.names_per_call, description.notes)
