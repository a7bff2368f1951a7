"""What a test leaves for the report: sounds, pictures, texts, figures.

It becomes plain data, to go from an xdist worker to the process that writes the report.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mynah.hil.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
}
_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Attachment:
    """One thing to show."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str


@dataclass(slots=True)
class Evidence:
    """All of one test."""

    attachments: list[Attachment] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def measure(self, name: str, value: float, unit: str = "") -> None:
        """Note a figure."""
        self.figures.append(Figure(name, float(value), unit))

    def keep_sound(self, name: str, sound: Sound) -> None:
        """Keep a sound, as a WAV file."""
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, sound.samples, sound.rate or 1, "PCM_16", format="WAV")
        self._add(Attachment(name, "audio/wav", buffer.getvalue()))

    def attach(self, name: str, content: Path | bytes | str | Sound) -> None:
        """Keep a file, or what is in one; the suffix says what it is, others are texts."""
        if isinstance(content, Sound):
            self.keep_sound(name, content)
            return
        suffix = (content if isinstance(content, Path) else Path(name)).suffix.lower()
        data = content.read_bytes() if isinstance(content, Path) else content
        if isinstance(data, str):
            data = data.encode()
        self._add(Attachment(name, _TYPES.get(suffix, "text/plain"), data))

    def _add(self, attachment: Attachment) -> None:
        if len(attachment.content) > _MAX_BYTES:
            note = f"{attachment.name}: {len(attachment.content) >> 20} MB, too big for the report"
            attachment = Attachment(attachment.name, "text/plain", note.encode())
        self.attachments.append(attachment)

    def as_data(self) -> dict[str, Any]:
        """Of builtin types only."""
        return {
            "attachments": [(a.name, a.media_type, a.content) for a in self.attachments],
            "figures": [(f.name, f.value, f.unit) for f in self.figures],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Evidence:
        """What `as_data` made."""
        return cls(
            [Attachment(*item) for item in data["attachments"]],
            [Figure(*item) for item in data["figures"]],
        )
