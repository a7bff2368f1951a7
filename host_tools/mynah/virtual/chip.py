"""The ESP32-S3 itself: what reset, supply, boot loaders and application do to each other."""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING

from mynah.virtual.boot import BootError, RomReset, boot_from, rom_banner
from mynah.virtual.lines import EN_HOLD_S, ResetCircuit
from mynah.virtual.registers import Registers
from mynah.virtual.rom import RomLoader
from mynah.virtual.types import Cpu, Identity, ResetCause

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.nor import NorFlash
    from mynah.virtual.sequencer import Sequencer

_RTC_WATCHDOG_S = 0.02
_MICROPYTHON = "micropython"


class State(Enum):
    """What the chip is doing."""

    OFF = "off"
    HELD_IN_RESET = "held in reset"
    ROM_LOADER = "ROM loader"
    BOOTING = "booting"
    RUNNING = "running"


class Chip:
    """A chip without supply, until `power_on`. Thread-safe.

    The CPU is started and stopped in the sequencer's thread, in the order of the events; what it
    sends between an event and its turn is lost, as on a UART whose chip is in reset.
    """

    def __init__(
        self,
        *,
        flash: NorFlash,
        identity: Identity,
        sequencer: Sequencer,
        boot_button: Callable[[], bool],
    ) -> None:
        """``boot_button`` tells whether it is pressed. `connect` is to be called next."""
        self.state = State.OFF
        self._flash = flash
        self._sequencer = sequencer
        self._boot_button = boot_button
        self._registers = Registers(identity, self._start_watchdog)
        self._circuit = ResetCircuit()
        self._lock = threading.RLock()
        self._epoch = 0
        """Counts the changes of `state`: what was planned before the last one does not count."""
        self._loader: RomLoader | None = None
        self._download_strap = False
        flash.on_power_cut = self.lose_power

    def connect(self, cpu: Cpu, transmit: Callable[[bytes], None]) -> None:
        """Give the chip its application processor, and the wire that its UART sends on."""
        self._cpu = cpu
        self._transmit = transmit

    def power_on(self) -> None:
        """The supply comes on: the chip starts as after a power-on reset."""
        with self._lock:
            if self.state is not State.OFF:
                return
            self._flash.restore_power()
            self._hold()
            if self._circuit.en:
                self._leave_reset()

    def lose_power(self) -> None:
        """The supply is gone; does not wait for the CPU, so it may be called in any thread."""
        with self._lock:
            self._flash.cut_power()
            self._registers.lose_power()
            if self.state is not State.OFF:
                self._change_to(State.OFF)
                self._sequencer.call(self._cpu.stop)

    def reset(self, cause: ResetCause) -> None:
        """Reset; ``PWRON`` by EN, else by software with that cause."""
        with self._lock:
            if self.state is State.OFF:
                return
            if cause is ResetCause.PWRON:
                self._hold()
                self._leave_reset()
            else:
                self._restart(RomReset.of(cause), cause)

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

    def transmit_from_cpu(self, data: bytes) -> None:
        """Send what the application prints."""
        if self.state is State.RUNNING:
            self._transmit(data)

    def reset_from_cpu(self, cause: ResetCause | str) -> None:
        """``machine.reset()`` and the like; ``"bootloader"``: into the ROM loader."""
        with self._lock:
            if self.state is not State.RUNNING:
                return
            if cause == "bootloader":
                self._registers.force_download = True
                cause = ResetCause.HARD
            cause = ResetCause(cause)
            self._restart(RomReset.of(cause), cause)

    def _charge_en(self, epoch: int) -> None:
        with self._lock:
            if self._epoch == epoch and self.state is State.HELD_IN_RESET:
                self._circuit.charge()
                self._leave_reset()

    def stop_cpu(self) -> None:
        """Wait until everything that has happened so far is done and the CPU stands still."""
        self._sequencer.run(self._cpu.stop)

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
        return not self._circuit.gpio0 or self._boot_button()

    def _restart(self, reset: RomReset, cause: ResetCause) -> None:
        """Reset by software: GPIO0 counts as it was when EN went high."""
        download = self._download_strap or self._registers.force_download
        self._start(reset, cause, download=download)

    def _start(self, reset: RomReset, cause: ResetCause, *, download: bool) -> None:
        epoch = self._change_to(State.ROM_LOADER if download else State.BOOTING)
        self._registers.set_strap(download=download)
        if download:
            self._loader = RomLoader(
                self._flash,
                self._registers,
                self._transmit,
                restart=self._restart_from_loader,
                run_application=self._run_from_loader,
            )
            self._sequencer.call(self._cpu.stop)
            self._transmit(rom_banner(reset, download=True))
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
                self._transmit(rom_banner(reset, download=False))
            try:
                boot = boot_from(self._flash)
            except BootError as error:
                self._transmit(error.log)
                again = error.reset
                cause = ResetCause.WDT if again is RomReset.TIMER_WATCHDOG else ResetCause.HARD
                self._sequencer.call(lambda: self._boot(epoch, again, cause), after_s=error.pause_s)
                return
            self._transmit(boot.log)
            if boot.app.name != _MICROPYTHON:
                text = f"The virtual board runs MicroPython only, not {boot.app.name!r}.\r\n"
                self._transmit(text.encode())
                return
            self.state = State.RUNNING
        self._cpu.start(boot, cause)

    def _change_to(self, state: State) -> int:
        self._epoch += 1
        self._loader = None
        self.state = state
        return self._epoch

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
