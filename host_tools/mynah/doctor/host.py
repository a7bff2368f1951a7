"""The computer as the checks see it: files, programs, groups, networks, all replaceable."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah.link.holders import who_holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from ipaddress import IPv4Interface

LINUX, MACOS, WINDOWS = "linux", "darwin", "win32"

_COMMAND_S = 5.0


def _run(command: Sequence[str]) -> str | None:
    """What a program prints; None where there is no such program, or it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMMAND_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _comports() -> Iterable[Any]:
    from serial.tools import list_ports

    ports: Iterable[Any] = list_ports.comports()
    return ports


def _interfaces() -> list[IPv4Interface]:
    from mynah.find.interfaces import networks

    return networks()


def _groups() -> frozenset[int]:
    return frozenset(os.getgroups()) if hasattr(os, "getgroups") else frozenset()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


@dataclass(frozen=True)
class Host:
    """A computer; the defaults are this one.

    Args:
        root: where ``sys``, ``proc``, ``dev`` and ``etc`` are.
        system: as ``sys.platform``.
        user: the user's name.
        groups: numbers of the groups that this process is in.
        environ: environment variables.
        run: runs a program and gives what it prints; None where that fails.
        usable: whether this process may read and write a file.
        comports: serial ports as pyserial lists them.
        interfaces: this computer's IPv4 addresses with their networks.
    """

    root: Path = Path("/")
    system: str = sys.platform
    user: str = field(default_factory=_user)
    groups: frozenset[int] = field(default_factory=_groups)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    run: Callable[[Sequence[str]], str | None] = _run
    usable: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
    comports: Callable[[], Iterable[Any]] = _comports
    interfaces: Callable[[], list[IPv4Interface]] = _interfaces

    def path(self, name: str) -> Path:
        """The file of that absolute name."""
        return self.root / name.lstrip("/")

    def named(self, path: Path) -> str:
        """The absolute name of a file: the opposite of `path`."""
        return "/" + path.relative_to(self.root).as_posix()

    def read(self, name: str) -> str:
        """A text file's content without blanks around it; "" where it cannot be read."""
        return read(self.path(name))

    def holders(self, device: str) -> list[str]:
        """The programs that have a device open, as far as this user may know."""
        if self.system == LINUX:
            return who_holds(str(self.path(device)), proc=self.path("/proc"))
        return _from_lsof(self.run(["lsof", "-F", "pc", device]) or "")

    def is_running(self, program: str) -> bool:
        """Whether a process of that name runs (Linux)."""
        name = program[:15]  # TASK_COMM_LEN
        return any(read(path) == name for path in self.path("/proc").glob("[0-9]*/comm"))

    @cached_property
    def distribution(self) -> frozenset[str]:
        """The names of the Linux distribution and of those that it is like (os-release(5))."""
        words: set[str] = set()
        for line in self.read("/etc/os-release").splitlines():
            key, _, value = line.partition("=")
            if key in {"ID", "ID_LIKE"}:
                with contextlib.suppress(ValueError):
                    words.update(" ".join(shlex.split(value)).lower().split())
        return frozenset(words)

    @cached_property
    def kernel(self) -> str:
        """The kernel's release, as ``uname -r`` prints it."""
        return self.read("/proc/sys/kernel/osrelease") or platform.release()

    @cached_property
    def is_wsl(self) -> bool:
        """Whether this is Linux in Windows."""
        return "microsoft" in self.kernel.lower()

    @cached_property
    def is_container(self) -> bool:
        """Whether this is a container, which has a /dev of its own."""
        return self.path("/.dockerenv").exists() or self.path("/run/.containerenv").exists()

    @cached_property
    def kernel_log(self) -> list[str] | None:
        """The kernel's log; None where this user may not read it."""
        text = self.run(["dmesg"]) if self.system == LINUX else None
        return None if text is None else text.splitlines()


def read(path: Path) -> str:
    """A text file's content without blanks around it; "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _from_lsof(text: str) -> list[str]:
    """``name (process 123)`` for each process (lsof(8), "OUTPUT FOR OTHER PROGRAMS")."""
    found, number = [], ""
    for line in text.splitlines():
        if line.startswith("p"):
            number = line[1:]
        elif line.startswith("c") and number != str(os.getpid()):
            found.append(f"{line[1:]} (process {number})")
    return found
