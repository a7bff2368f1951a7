"""Boards in a farm: our driver and our strategy for labgrid (the extra ``farm`` installs it).

A labgrid environment file imports them by ``imports: [mynah.farm]``. See ``docs/farm.md``.
"""

from mynah.farm.driver import MynahBoardDriver
from mynah.farm.strategy import MynahStatus, MynahStrategy

__all__ = ["MynahBoardDriver", "MynahStatus", "MynahStrategy"]
