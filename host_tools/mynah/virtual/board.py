"""A whole board without hardware: flash, reset circuit, ROM loader, serial port, CPU and world."""

from __future__ import annotations

import contextlib
import threading
from enum import Enum
from typing import TYPE_CHECKING

from mynah.virtual.boot import BootError, RomReset, boot_from, rom_banner
from mynah.virtual.cpu import MicroPythonCpu
from mynah.virtual.factory import install
from mynah.virtual.identity import IdentityClaim
from mynah.virtual.lines import EN_HOLD_S, ResetCircuit
from mynah.virtual.micropython import micropython_command
from mynah.virtual.nor import NorFlash
from mynah.virtual.registers import Registers
from mynah.virtual.rfc2217 import SerialServer
from mynah.virtual.rom import RomLoader
from mynah.virtual.sequencer import Sequencer
from mynah.virtual.types import Cpu, Identity, ResetCause
from mynah.virtual.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_RTC_WATCHDOG_S = 0.02
_MICROPYTHON = "micropython"
_BOOT_PIN = 0


class State(Enum):
    """What the chip is doing."""

    OFF = "off"
    HELD_IN_RESET = "held in reset"
    ROM_LOADER = "ROM loader"
    BOOTING = "booting"
    RUNNING = "running"


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
            world: what is around the board; None: a new `mynah.virtual.world.World`.
            cpu_factory: called as `mynah.virtual.cpu.MicroPythonCpu` is, which is the default.

        Raises:
            PortError: the number or the TCP port is taken, or the flash file is in use.
            UsageError: the flash file has another size.
            MynahError: there is no MicroPython for this computer.
        """
        if cpu_factory is None:
            micropython_command()
        self.board = board
        self.state = State.OFF
        self._lock = threading.RLock()
        self._epoch = 0
        self._loader: RomLoader | None = None
        self._download_strap = False
        self._circuit = ResetCircuit()
        with contextlib.ExitStack() as stack:
            claim = IdentityClaim(index, psram_size=psram_size, flash_size=flash_size)
            stack.callback(claim.release)
            self.identity: Identity = claim.identity
            self.flash = stack.enter_context(NorFlash(flash, flash_size))
            install(self.flash, content)
            self.flash.on_power_cut = self._lose_power
            self.world = world if world is not None else World()
            self._registers = Registers(self.identity, self._start_watchdog)
            self._cpu = (cpu_factory or MicroPythonCpu)(
                flash=self.flash,
                world=self.world,
                identity=self.identity,
                transmit=self._transmit_from_cpu,
                request_reset=self._reset_from_cpu,
            )
            name = f"mynah-board-{self.identity.index}"
            self._sequencer = Sequencer(name)
            stack.callback(self._sequencer.close)
            stack.callback(self.power_off)
            self._serial = SerialServer(self, f"{name}-serial", tcp_port)
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

    def power_on(self) -> None:
        """Switch the supply on: the chip starts as after a power-on reset."""
        with self._lock:
            if self.state is not State.OFF:
                return
            self.flash.restore_power()
            self._hold()
            if self._circuit.en:
                self._leave_reset()

    def power_off(self) -> None:
        """Switch the supply off at once; the serial port stays, silent, and the flash's content."""
        self._lose_power()
        self._sequencer.run(self._cpu.stop)

    def unplug(self) -> None:
        """Pull the serial cable: the connection breaks. The board keeps its power."""
        self._serial.unplug()

    def replug(self) -> None:
        """Put the serial cable back."""
        self._serial.replug()

    def reset(self, cause: ResetCause = ResetCause.PWRON) -> None:
        """Reset the chip; ``PWRON`` as its button does (EN), else as software with that cause."""
        with self._lock:
            if self.state is State.OFF:
                return
            if cause is ResetCause.PWRON:
                self._hold()
                self._leave_reset()
            else:
                self._restart(RomReset.of(cause), cause)

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

    # The serial port's side: called in its thread.

    def receive(self, data: bytes) -> None:
        """Take bytes on the UART."""
        with self._lock:
            loader = self._loader
            running = self.state is State.RUNNING
        if loader is not None:
            loader.feed(data)
        elif running:
            self._cpu.receive(data)

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Follow the serial port's control lines."""
        with self._lock:
            was_high = self._circuit.en
            self._circuit.set(dtr=dtr, rts=rts)
            if self.state is State.OFF:
                return
            if was_high and not self._circuit.en:
                self._hold()
            elif self._circuit.en and not was_high:
                self._leave_reset()
            elif not self._circuit.en and dtr and rts:
                epoch = self._epoch
                self._sequencer.call(lambda: self._charge_en(epoch), after_s=EN_HOLD_S)

    def _charge_en(self, epoch: int) -> None:
        with self._lock:
            if self._epoch == epoch and self.state is State.HELD_IN_RESET:
                self._circuit.charge()
                self._leave_reset()

    # The chip.

    def _hold(self) -> None:
        """EN is low: everything stops and forgets."""
        self._change_to(State.HELD_IN_RESET)
        self._registers.reset()
        self._sequencer.call(self._cpu.stop)

    def _leave_reset(self) -> None:
        """EN went high: GPIO0 decides."""
        self._download_strap = self._gpio0_is_low()
        self._start(RomReset.POWERON, ResetCause.PWRON, download=self._download_strap)

    def _gpio0_is_low(self) -> bool:
        """Whether the serial port's lines or the BOOT button pull it down."""
        return not self._circuit.gpio0 or self.world.pins.driven(_BOOT_PIN) == 0

    def _restart(self, reset: RomReset, cause: ResetCause) -> None:
        """Reset by software: GPIO0 counts as it was when EN went high."""
        download = self._download_strap or self._registers.force_download
        self._start(reset, cause, download=download)

    def _start(self, reset: RomReset, cause: ResetCause, *, download: bool) -> None:
        epoch = self._change_to(State.ROM_LOADER if download else State.BOOTING)
        self._registers.set_strap(download=download)
        if download:
            self._loader = RomLoader(
                self.flash,
                self._registers,
                self._serial.transmit,
                restart=self._restart_from_loader,
                run_application=self._run_from_loader,
            )
            self._sequencer.call(self._cpu.stop)
            self._serial.transmit(rom_banner(reset, download=True))
        else:
            self._sequencer.call(lambda: self._boot(epoch, reset, cause))

    def _boot(self, epoch: int, reset: RomReset | None, cause: ResetCause) -> None:
        """Run the boot loaders, then the application, unless something else happened since."""
        with self._lock:
            if self._epoch != epoch:
                return
        self._cpu.stop()
        with self._lock:
            if self._epoch != epoch:
                return
            if reset is not None:
                self._serial.transmit(rom_banner(reset, download=False))
            try:
                boot = boot_from(self.flash)
            except BootError as error:
                self._serial.transmit(error.log)
                again = error.reset
                cause = ResetCause.WDT if again is RomReset.TIMER_WATCHDOG else ResetCause.HARD
                self._sequencer.call(lambda: self._boot(epoch, again, cause), after_s=error.pause_s)
                return
            self._serial.transmit(boot.log)
            if boot.app.name != _MICROPYTHON:
                text = f"The virtual board runs MicroPython only, not {boot.app.name!r}.\r\n"
                self._serial.transmit(text.encode())
                return
            self.state = State.RUNNING
        self._cpu.start(boot, cause)

    def _change_to(self, state: State) -> int:
        self._epoch += 1
        self._loader = None
        self.state = state
        return self._epoch

    def _lose_power(self) -> None:
        """The supply is gone; does not wait for the CPU, so it may be called in any thread."""
        with self._lock:
            self.flash.cut_power()
            if self.state is not State.OFF:
                self._change_to(State.OFF)
                self._sequencer.call(self._cpu.stop)

    def _start_watchdog(self) -> None:
        epoch = self._epoch

        def fire() -> None:
            with self._lock:
                if self._epoch == epoch:
                    self._registers.force_download = False
                    self._download_strap = self._gpio0_is_low()
                    self._restart(RomReset.RTC_WATCHDOG, ResetCause.WDT)

        self._sequencer.call(fire, after_s=_RTC_WATCHDOG_S)

    def _restart_from_loader(self) -> None:
        with self._lock:
            self._restart(RomReset.SW_SYSTEM, ResetCause.HARD)

    def _run_from_loader(self) -> None:
        with self._lock:
            epoch = self._change_to(State.BOOTING)
            self._sequencer.call(lambda: self._boot(epoch, None, ResetCause.PWRON))

    def _transmit_from_cpu(self, data: bytes) -> None:
        if self.state is State.RUNNING:
            self._serial.transmit(data)

    def _reset_from_cpu(self, cause: ResetCause | str) -> None:
        """``machine.reset()`` and the like; ``"bootloader"``: into the ROM loader."""
        with self._lock:
            if self.state is not State.RUNNING:
                return
            if cause == "bootloader":
                self._registers.force_download = True
                cause = ResetCause.HARD
            cause = ResetCause(cause)
            self._restart(RomReset.of(cause), cause)
