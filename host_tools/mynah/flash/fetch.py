"""Fetch MicroPython images from micropython.org, once, and keep them with their checksum."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from mynah.errors import MynahError, UsageError
from mynah.flash.firmware import OLDEST
from mynah.userdirs import cache_dir, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

SITE = "https://micropython.org"
"""Where images come from; ``MYNAH_MICROPYTHON_SITE`` names a mirror."""

_TIMEOUT_S = 20
_MAX_BYTES = 16 << 20  # no image is larger than the largest flash


@dataclass(frozen=True, slots=True)
class Download:
    """An image and where it came from."""

    name: str
    data: bytes
    cached: bool
    """Whether it was here already."""


def fetch(variant: str) -> Download:
    """The newest stable image of a variant, as "ESP32_GENERIC_S3-SPIRAM_OCT".

    micropython.org publishes no checksums: what HTTPS delivered is kept with its SHA-256, which
    is checked whenever the copy is used. Without the internet the newest copy is used.

    Raises:
        UsageError: the site cannot be reached and there is no copy: an image must be named.
        MynahError: the site has no such image.
    """
    site = os.environ.get("MYNAH_MICROPYTHON_SITE", SITE).rstrip("/")
    folder = cache_dir("images")
    try:
        name = newest(_get(f"{site}/download/{_board(variant)}/").decode(), variant)
    except OSError as error:
        copies = [path.name for path in folder.glob("*.bin") if _version(path.name, variant)]
        if not copies:
            raise _offline(site, variant, error) from error
        name = max(copies, key=lambda copy: _version(copy, variant))
    copy = _read_copy(folder / name)
    if copy is not None:
        return Download(name, copy, cached=True)
    try:
        data = _get(f"{site}/resources/firmware/{name}")
    except OSError as error:
        raise _offline(site, variant, error) from error
    _keep(folder / name, data)
    return Download(name, data, cached=False)


def newest(page: str, variant: str) -> str:
    """The file name of the newest stable image that a download page lists.

    Raises:
        MynahError: it lists none that the firmware runs on.
    """
    listed = re.findall(r"/resources/firmware/([\w.-]+\.bin)", page)
    names: list[str] = [name for name in listed if _version(name, variant) >= OLDEST]
    if not names:
        oldest = ".".join(map(str, OLDEST))
        raise MynahError(f"micropython.org lists no {variant} of version {oldest} or newer")
    return max(names, key=lambda name: _version(name, variant))


def _board(variant: str) -> str:
    return variant.split("-", maxsplit=1)[0]


def _version(name: str, variant: str) -> tuple[int, ...]:
    """The version in a stable image's name, () for previews and other variants."""
    found = re.fullmatch(rf"{re.escape(variant)}-\d{{8}}-v(\d+(?:\.\d+)+)\.bin", name)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _get(url: str) -> bytes:
    """The body of a URL; OSError for whatever goes wrong on the way, a short body included."""
    try:
        # S310: a mirror that the user names may be plain HTTP.
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310
            body: bytes = reply.read(_MAX_BYTES + 1)
            promised = reply.headers.get("Content-Length")
    except HTTPException as error:
        raise OSError(f"{url}: {error}") from error
    if len(body) > _MAX_BYTES:
        raise OSError(f"{url}: more than {_MAX_BYTES} bytes")
    if promised is not None and int(promised) != len(body):
        raise OSError(f"{url}: {len(body)} of {promised} bytes came")
    return body


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _keep(path: Path, data: bytes) -> None:
    """Store image, then checksum: without its checksum a copy does not count."""
    write_atomically(path, data)
    write_atomically(_sidecar(path), hashlib.sha256(data).hexdigest().encode())


def _read_copy(path: Path) -> bytes | None:
    """The copy if it is there and whole."""
    try:
        data, expected = path.read_bytes(), _sidecar(path).read_bytes()
    except FileNotFoundError:
        return None
    return data if hashlib.sha256(data).hexdigest().encode() == expected else None


def _offline(site: str, variant: str, error: OSError) -> UsageError:
    reason = getattr(error, "reason", error)
    return UsageError(
        f"{site} cannot be reached ({reason}) and no copy of {variant} is here: download it "
        f"elsewhere from {SITE}/download/{_board(variant)}/ and pass it with --image FILE"
    )
