"""What a model says of itself: the JSON (version 2) that goes with a microWakeWord ``.tflite``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from mynah.errors import ModelError

_STEP_MS = 10
_KINDS = ("wake", "stop", "vad")


@dataclass(frozen=True, slots=True)
class Manifest:
    """``cutoff`` is 0..255; ``window`` counts the probabilities whose mean must exceed it.

    ``kind`` is ``wake``; ``stop``, a word that ends what plays; or ``vad``, a model that hears
    whether anybody speaks.
    """

    wake_word: str
    cutoff: int
    window: int
    author: str = ""
    website: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ()
    kind: str = "wake"

    @classmethod
    def from_microwakeword(cls, text: str, *, licence: str = "") -> Manifest:
        """Read a microWakeWord manifest, version 2 (or 1, which lacks the languages).

        Raises:
            ModelError: it is not one, or asks for what Mynah's front end does not do.
        """
        try:
            data = json.loads(text)
            micro = data["micro"]
            cutoff, window = float(micro["probability_cutoff"]), int(micro["sliding_window_size"])
            wake_word = str(data["wake_word"])
            step_ms = int(micro.get("feature_step_size", 20))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"this is not a microWakeWord manifest: {error!r}") from error
        if step_ms != _STEP_MS:
            raise ModelError(f"the model wants features every {step_ms} ms; Mynah makes {_STEP_MS}")
        if not 0 < cutoff <= 1 or not 1 <= window <= 255:
            raise ModelError(f"the manifest's cutoff {cutoff} or window {window} is out of range")
        return cls(
            wake_word=wake_word,
            # As ESPHome's code generator does it: 0.97 is 247.
            cutoff=int(cutoff * 255),
            window=window,
            author=str(data.get("author", "")),
            website=str(data.get("website", "")),
            licence=str(data.get("license", licence)),
            languages=tuple(str(language) for language in data.get("trained_languages", ())),
            kind=_kind(data, wake_word),
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Manifest:
        """The inverse of `to_json`."""
        return cls(**{**data, "languages": tuple(data["languages"])})

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a ``.wake`` file."""
        return asdict(self)


def _kind(data: dict[str, Any], wake_word: str) -> str:
    """What the manifest says, or what ESPHome's names for such models say: ``vad``, ``stop``."""
    name = wake_word.lower()
    kind = str(data.get("kind", name if name in _KINDS else "wake"))
    if kind not in _KINDS:
        raise ModelError(f"the manifest's kind is {kind!r}; there are {', '.join(_KINDS)}")
    return kind
