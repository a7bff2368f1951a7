"""The plugin's fixtures. What a board's bench cannot do is skipped with the reason."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

from mynah.errors import MynahError
from mynah.hil.evidence import Evidence
from mynah.hil.parts import MissingPartError
from mynah.hil.pool import DEVICE, EVIDENCE, POOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mynah.hil.audio import Mic, Speaker
    from mynah.hil.board import HilBoard
    from mynah.hil.controls import Button, Led, Power, Wifi
    from mynah.hil.device import Device
    from mynah.hil.flash import BoardFlash
    from mynah.hil.net import Net
    from mynah.hil.repl import BoardRepl


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """What a fixture of the user's own cannot have skips its test, as with those here."""
    try:
        yield
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> Iterator[HilBoard]:
    """The board under test, with its software on it: opened once for all tests that use it."""
    pool = request.config.stash[POOL]
    board = pool.make(getattr(request, "param", pool.entries[0]))
    try:
        board.open()
    except MynahError as error:
        pool.declare_broken(board, error)
        why = f"board {board.name} cannot be used: {error}"
        raise pytest.fail.Exception(why, pytrace=False) from None
    pool.opened[board.name] = board
    yield board
    board.close()


@pytest.fixture
def device(board: HilBoard, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    """The board in its known state, with a log of the test's own.

    A Python traceback or a panic in the log fails the test, unless it is expected
    (``device.crash``, ``device.allow_crash``).
    """
    from mynah.hil.device import Device

    item = request.node
    name = re.sub(r"[^\w.-]+", "_", item.name)[:80]
    item.stash[EVIDENCE] = Evidence()
    item.stash[DEVICE] = device = Device(board, tmp_path / f"{name}.log", item.stash[EVIDENCE])
    try:
        board.restore()
    except MynahError as error:
        request.config.stash[POOL].declare_broken(board, error)
        why = f"board {board.name} is broken: {error}"
        raise pytest.fail.Exception(why, pytrace=False) from None
    yield device
    device.close()


@pytest.fixture
def expect(device: Device) -> Callable[..., re.Match[str]]:
    """``expect(pattern, timeout=10)``: wait for a line of the board's log; the match."""
    return device.expect


@pytest.fixture
def repl(device: Device) -> Iterator[BoardRepl]:
    """Run code on the board, call its functions, get values back with their types.

    The board's program is stopped: ``boot.py`` has run, ``main.py`` no longer does.
    """
    from mynah.hil.repl import BoardRepl

    repl = BoardRepl(device.console)
    yield repl
    with contextlib.suppress(MynahError):  # the test may have left it in any state
        repl.close()


@pytest.fixture
def mic(device: Device) -> Iterator[Mic]:
    """Play sound to the board's microphone: ``mic.play(wav)``."""
    from mynah.hil.audio import Mic

    with _or_skip():
        part = device.board.sound_in()
    mic = Mic(part, device.evidence.keep_sound)
    yield mic
    mic.close()


@pytest.fixture
def speaker(device: Device) -> Iterator[Speaker]:
    """Hear what the board plays: ``speaker.record()``, ``speaker.listen(seconds)``."""
    from mynah.hil.audio import Speaker

    with _or_skip():
        part = device.board.sound_out()
    speaker = Speaker(part, device.evidence.keep_sound)
    yield speaker
    speaker.close()


@pytest.fixture
def button(device: Device) -> Iterator[Button]:
    """Press the board's buttons: ``button.press("boot", seconds=0.1)``."""
    from mynah.hil.controls import Button

    button = Button(device.board.button)
    yield button
    button.close()


@pytest.fixture
def led(device: Device) -> Led:
    """See the board's LEDs: ``led.state()``, ``led.wait_for(colour)``."""
    from mynah.hil.controls import Led

    with _or_skip():
        return Led(device.board.light())
    raise AssertionError


@pytest.fixture
def wifi(device: Device) -> Iterator[Wifi]:
    """Wi-Fi networks around the board: ``wifi.add(ssid, password)``, ``wifi.drop(ssid)``."""
    from mynah.hil.controls import Wifi

    virtual = device.board.virtual
    with _or_skip():
        air = device.board.air()
    wifi = Wifi(air, None if virtual is None else lambda: virtual.world.wifi.joined)
    yield wifi
    wifi.close()


@pytest.fixture
def power(device: Device) -> Iterator[Power]:
    """The board's supply: ``power.off()``, ``power.cycle()``, ``power.cut_at(n)``."""
    from mynah.hil.controls import Power

    with _or_skip():
        power = Power(device.board)
    yield power
    power.close()


@pytest.fixture
def flash(device: Device) -> BoardFlash:
    """The board's flash through esptool: read, write, erase, flash anew."""
    from mynah.hil.flash import BoardFlash

    with _or_skip():
        return BoardFlash(device)
    raise AssertionError


@pytest.fixture
def net(device: Device) -> Net:
    """The board in its network: ``net.address``, ``net.wait()``."""
    from mynah.hil.net import Net

    return Net(device)


@contextlib.contextmanager
def _or_skip() -> Iterator[None]:
    try:
        yield
    except MissingPartError as error:
        pytest.skip(str(error))
