"""Write ``host_tools/docs/truth.md`` anew."""

from pathlib import Path

from mynah.virtual.truth.page import markdown

PAGE = Path(__file__).parents[3] / "docs" / "truth.md"

if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
