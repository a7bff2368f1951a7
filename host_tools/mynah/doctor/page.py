"""The table of everything that the doctor knows, for the documentation.

``python -m mynah.doctor.page`` writes it into ``host_tools/docs/doctor.md``; a test keeps it in
step with the catalogue.
"""

from __future__ import annotations

import re
from pathlib import Path

from mynah.doctor.catalogue import CAUSES

_PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
_BEGIN, _END = "<!-- causes: python -m mynah.doctor.page -->", "<!-- end of causes -->"
_FIELD = re.compile(r"\{(\w+)(?::g)?\}")


def table() -> str:
    """The catalogue as a Markdown table, in the order in which findings are shown."""
    rows = [f"{len(CAUSES)} causes:", "", "| finding | what | how it is told | what to do |"]
    rows.append("|---|---|---|---|")
    for cause in CAUSES:
        steps = "<br>".join(_cell(step) for step in cause.do)
        rows.append(
            f"| `{cause.name}` ({cause.severity}) | {_cell(cause.what)} | {_cell(cause.seen)} "
            f"| {steps} |"
        )
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page with the table of today in the place of its old one."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


def _cell(text: str) -> str:
    """Fields in capitals, as they stand in a usage line."""
    text = _FIELD.sub(lambda match: match[1].upper(), text)
    return text.replace("{{", "{").replace("}}", "}").replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    _PAGE.write_text(with_table(_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
