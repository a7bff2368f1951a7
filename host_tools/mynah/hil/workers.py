"""Which pytest-xdist worker runs what: all tests of one board in one worker.

xdist's own ``--dist loadgroup`` would do, but version 3.8 writes the group into a private
attribute of a test that pytest 9.2 no longer has. A scheduler of one's own is a public hook.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


class BoardScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a board together; of the others, those of a file."""

    def __init__(self, config: pytest.Config, log: Any, boards: Sequence[str]) -> None:
        super().__init__(config, log)
        names = sorted(map(re.escape, boards), key=len, reverse=True)
        self._board = re.compile(rf"[\[-]({'|'.join(names)})(?=[-\]]|$)")

    def remove_node(self, node: Any) -> str | None:
        """As its base, but a test that kills its worker is not given to the next one."""
        for unit in self.assigned_work[node].values():
            for test, is_done in unit.items():
                if not is_done:
                    unit[test] = True
                    super().remove_node(node)
                    return str(test)
        super().remove_node(node)
        return None

    def _split_scope(self, nodeid: str) -> str:
        name, _, parameters = nodeid.partition("[")
        found = self._board.search("[" + parameters)
        return f"board {found[1]}" if found else name.split("::", 1)[0]
