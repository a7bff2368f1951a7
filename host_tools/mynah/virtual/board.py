"""A whole board without hardware: flash, reset circuit, ROM loader, serial port, CPU and world."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mynah.virtual.chip import Chip, State
from mynah.virtual.cpu import MicroPythonCpu
from mynah.virtual.identity import IdentityClaim
from mynah.virtual.micropython import micropython_command
from mynah.virtual.nor import NorFlash
from mynah.virtual.rfc2217 import SerialServer
from mynah.virtual.sequencer import Sequencer
from mynah.virtual.types import Cpu, Identity, ResetCause
from mynah.virtual.wire import Wire
from mynah.virtual.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_BOOT_PIN = 0


class VirtualBoard:
    """An ESP32-S3 board that esptool and mpremote reach at `url`; on from the start.

    A context manager: at its end nothing is left, except ``flash`` if it was given.
    """

    def __init__(
        self,
        *,
        flash: Path | None = None,
        flash_size: int = 16 * 1024 * 1024,
        content: Iterable[tuple[int, bytes]] = (),
        psram_size: int = 8 * 1024 * 1024,
        index: int | None = None,
        board: str = "virtual",
        tcp_port: int = 0,
        uart_baud: int | None = None,
        fast: bool = False,
        world: World | None = None,
        cpu_factory: Callable[..., Cpu] | None = None,
    ) -> None:
        """Make a board and switch it on.

        Args:
            flash: file of the flash chip, made blank if it is missing; None: a temporary one.
            flash_size: bytes, a power of two.
            content: what is in the flash before the board is switched on, as (offset, bytes); as
                `mynah.virtual.factory.flash_content` makes it, the board boots MicroPython.
            psram_size: bytes: 0, 2, 4, 8 or 16 MiB.
            index: number of the board on this computer; None: the lowest free one.
            board: name of its board file.
            tcp_port: of the serial port; 0: any free one.
            uart_baud: bits a second that the board sends at; None: as fast as this computer goes.
            fast: time jumps while the board waits, so that its hours take minutes
                (`mynah.virtual.clock`); a ``world`` brings its clock with it.
            world: what is around the board; None: a new `mynah.virtual.world.World`. One that has
                a fast clock is for one board.
            cpu_factory: called as `mynah.virtual.cpu.MicroPythonCpu` is, which is the default.

        Raises:
            PortError: the number or the TCP port is taken, or the flash file is in use.
            UsageError: the flash file has another size.
            MynahError: there is no MicroPython for this computer.
        """
        if cpu_factory is None:
            micropython_command()
        self.board = board
        with contextlib.ExitStack() as stack:
            claim = IdentityClaim(index, psram_size=psram_size, flash_size=flash_size)
            stack.callback(claim.release)
            self.identity: Identity = claim.identity
            self.flash = stack.enter_context(NorFlash(flash, flash_size, content))
            self.world = world if world is not None else World(fast=fast)
            name = f"mynah-board-{self.identity.index}"
            sequencer = Sequencer(name)
            stack.callback(sequencer.close)
            self._chip = Chip(
                flash=self.flash,
                identity=self.identity,
                sequencer=sequencer,
                boot_button=lambda: self.world.pins.driven(_BOOT_PIN) == 0,
            )
            cpu = (cpu_factory or MicroPythonCpu)(
                flash=self.flash,
                world=self.world,
                identity=self.identity,
                transmit=self._chip.transmit_from_cpu,
                request_reset=self._chip.reset_from_cpu,
            )
            self._serial = SerialServer(self._chip, f"{name}-serial", tcp_port)
            send = self._serial.transmit
            self._chip.connect(cpu, Wire(send, uart_baud) if uart_baud else send)
            stack.callback(self.power_off)
            stack.callback(self._serial.close)
            self._resources = stack.pop_all()
        self.power_on()

    @property
    def url(self) -> str:
        """The serial port, as pyserial, esptool and mpremote take it."""
        return self._serial.url

    @property
    def mac(self) -> str:
        """The base MAC address, the same for the same number of board."""
        return self.identity.mac

    @property
    def address(self) -> str:
        """The loopback address of its station interface."""
        return self.identity.address

    @property
    def ap_address(self) -> str:
        """The loopback address at which its own access point's network is reached."""
        return self.identity.ap_address

    @property
    def state(self) -> State:
        """What the chip is doing."""
        return self._chip.state

    def power_on(self) -> None:
        """Switch the supply on: the chip starts as after a power-on reset."""
        self._chip.power_on()

    def power_off(self) -> None:
        """Switch the supply off at once; the serial port stays, silent, and the flash's content."""
        self._chip.lose_power()
        self._chip.stop_cpu()

    def unplug(self) -> None:
        """Pull the serial cable: the connection breaks. The board keeps its power."""
        self._serial.unplug()

    def replug(self) -> None:
        """Put the serial cable back."""
        self._serial.replug()

    def reset(self, cause: ResetCause = ResetCause.PWRON) -> None:
        """Reset the chip; ``PWRON`` as its button does (EN), else as software with that cause."""
        self._chip.reset(cause)

    def close(self) -> None:
        """Switch off and give everything back: threads, sockets, processes, temporary files."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
