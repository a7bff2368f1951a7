"""MIoT spec v2 instances from miot-spec.org, by model or URN, kept in the user's cache."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from mynah.errors import MynahError, UsageError
from mynah.userdirs import cache_dir, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

SITE = "https://miot-spec.org/miot-spec-v2"
"""Where instances come from; ``MYNAH_MIOT_SITE`` names a mirror."""

_TIMEOUT_S = 20
_MAX_BYTES = 64 << 20  # the list of all models has some megabytes
_MODEL = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", re.IGNORECASE)


class NoSpecError(UsageError):
    """There is no instance to be had: not on the site, or the site cannot be reached."""


def instance(model_or_urn: str) -> dict[str, Any]:
    """The instance of a model ("yeelink.light.ct2") or a URN: from the cache, or else the site.

    Raises:
        NoSpecError: the site does not know it, or cannot be reached and there is no copy.
        MynahError: the site answered with something else.
    """
    if not (model_or_urn.startswith("urn:") or _MODEL.fullmatch(model_or_urn)):
        raise NoSpecError(f"{model_or_urn!r} is neither a model (as yeelink.light.ct2) nor a URN")
    copy = cache_dir("miot") / (re.sub(r"[^\w.-]", "_", model_or_urn) + ".json")
    try:
        kept: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    else:
        return kept
    urn = model_or_urn if model_or_urn.startswith("urn:") else _urn_of(model_or_urn)
    data = _get(f"/instance?type={urllib.parse.quote(urn)}", model_or_urn)
    found = _parse(data)
    if "services" not in found:
        raise NoSpecError(f"{_site()} has no instance of {urn}")
    write_atomically(copy, data)
    return found


def _urn_of(model: str) -> str:
    """The newest URN of a model in the site's list; a copy of the list serves where it has it."""
    copy = cache_dir("miot") / "instances.json"
    urn = _newest(_kept(copy), model)
    if urn:
        return urn
    data = _get("/instances?status=all", model)
    listed = _parse(data).get("instances", [])
    write_atomically(copy, data)
    urn = _newest(listed, model)
    if not urn:
        raise NoSpecError(
            f"{_site()} has no model {model!r}: an old device that does not speak MIoT? "
            "Then describe it in a file for --spec (see the home page of the documentation)"
        )
    return urn


def _newest(listed: Any, model: str) -> str:
    fitting = [item for item in listed if isinstance(item, dict) and item.get("model") == model]
    if not fitting:
        return ""
    return str(max(fitting, key=lambda item: item.get("version", 0))["type"])


def _kept(copy: Path) -> Any:
    try:
        return json.loads(copy.read_text(encoding="utf-8")).get("instances", [])
    except (OSError, ValueError, AttributeError):
        return []


def _site() -> str:
    return os.environ.get("MYNAH_MIOT_SITE", SITE).rstrip("/")


def _get(path: str, wanted: str) -> bytes:
    url = _site() + path
    try:
        # S310: a mirror that the user names may be plain HTTP.
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310
            body: bytes = reply.read(_MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise NoSpecError(f"{url}: {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise NoSpecError(
            f"{_site()} cannot be reached ({reason}) and no copy of the spec of {wanted} is here: "
            f"save it elsewhere from {SITE}/instance?type=URN (the URN is on "
            "https://home.miot-spec.com) and pass it with --spec FILE"
        ) from None
    if len(body) > _MAX_BYTES:
        raise MynahError(f"{url}: more than {_MAX_BYTES} bytes")
    return body


def _parse(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MynahError(f"{_site()} answered with something that is not JSON: try again later")
    return found
