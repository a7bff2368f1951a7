"""The virtual board's CPU: the real MicroPython, started from what lies in the flash."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Protocol

from mynah.virtual import shims
from mynah.virtual.alarms import Alarms
from mynah.virtual.child import Child
from mynah.virtual.clock import FastClock
from mynah.virtual.clocks import RealTimeClock, Timers, Watchdog
from mynah.virtual.flash_controller import FlashController
from mynah.virtual.gpio import GpioController
from mynah.virtual.i2s import I2sControllers
from mynah.virtual.idle import Idle
from mynah.virtual.interrupts import Event
from mynah.virtual.leds import LedController
from mynah.virtual.link import DONE, Answer, Operation, Services
from mynah.virtual.radio import Radio
from mynah.virtual.sockets import Sockets
from mynah.virtual.types import BootInfo, Identity, ResetCause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mynah.virtual.nor import NorFlash
    from mynah.virtual.world import World

_HEAP_WITHOUT_PSRAM = 400 * 1024  # 200 KB on the chip, whose pointers are half as long

BOOTLOADER = "bootloader"
"""What a program asks for that wants the ROM loader to run."""

_PANIC = (
    b"\r\nGuru Meditation Error: Core  0 panic'ed (the virtual board's MicroPython process ended "
    b"unexpectedly)\r\nRebooting...\r\n"
)
_PANIC_SECONDS = 0.5


def _nothing() -> None:
    pass


class Peripheral(Protocol):
    """Hardware beside the CPU, on the host's side of the link."""

    def reset(self, *, soft: bool) -> None:
        """Go to the state after a reset of the chip, or of MicroPython alone (``soft``)."""


class MicroPythonCpu:
    """One MicroPython process at a time; a soft reset is a new process on the same flash."""

    def __init__(
        self,
        *,
        flash: NorFlash,
        world: World,
        identity: Identity,
        transmit: Callable[[bytes], None],
        request_reset: Callable[[ResetCause | str], None],
        heap_size: int | None = None,
    ) -> None:
        """A stopped CPU.

        Args:
            flash: the chip that it runs from.
            world: what is around the board.
            identity: MAC and addresses.
            transmit: takes the bytes that the board sends on its UART.
            request_reset: called, in a thread of its own, when the program or the watchdog
                resets the board; with ``"bootloader"`` the ROM loader is to run.
            heap_size: bytes of MicroPython's heap; None: as much as there is PSRAM.
        """
        self._identity = identity
        self._transmit = transmit
        self._request_reset = request_reset
        self._heap_size = heap_size or identity.psram_size or _HEAP_WITHOUT_PSRAM
        self._clock = world.clock
        self._alarms = Alarms(self._clock)
        self._idle = Idle(self._clock, self._alarms) if isinstance(self._clock, FastClock) else None
        self._lock = threading.RLock()
        self._child: Child | None = None
        self._uart: socket.socket | None = None
        self._uart_child: socket.socket | None = None
        self._cause = ResetCause.PWRON
        self._raw_mode = False
        self._soft_reset = False
        self._started_at = 0.0
        self._services = Services()
        self._flash = FlashController(flash, self._services)
        self._rtc = RealTimeClock(self._services, self._clock)
        self._wifi = world.wifi
        self._radio = Radio(self._services, self._alarms, world.wifi, identity)
        self._i2s = I2sControllers(
            self._services, self._alarms, self.post, world.mic, world.speaker
        )
        self._peripherals: Sequence[Peripheral] = (
            GpioController(self._services, self.post, world.pins),
            self._i2s,
            Timers(self._services, self._alarms, self.post),
            Watchdog(self._services, self._alarms, transmit, self._reset),
            self._radio,
            Sockets(
                self._services,
                self.post,
                self._radio,
                identity,
                traffic=world.traffic,
                clock=self._clock,
            ),
        )
        world.i2c.serve(self._services)
        LedController(self._services, world.leds)
        self._add_services()

    def start(self, boot: BootInfo, cause: ResetCause) -> None:
        """Run MicroPython from that flash layout."""
        self.stop()
        with self._lock:
            self._flash.boot = boot
            self._cause = cause
            self._raw_mode = False
            if self._idle is not None:
                self._idle.hold()
            self._started_at = self._clock.now()
            if cause is ResetCause.PWRON:
                self._rtc.power_on()
            self._uart, self._uart_child = socket.socketpair()
            self._uart.setblocking(False)
            self._spawn()

    def stop(self) -> None:
        """Stop at once; no process and no thread is left when it returns."""
        with self._lock:
            child, self._child = self._child, None
            uart, self._uart = self._uart, None
            uart_child, self._uart_child = self._uart_child, None
        if child is not None:
            if self._idle is not None:
                self._idle.end()
            child.kill()
        for end in (uart, uart_child):
            if end is not None:
                end.close()
        for peripheral in self._peripherals:
            peripheral.reset(soft=False)
        self._alarms.stop()

    def receive(self, data: bytes) -> None:
        """Take bytes that arrived on the board's UART; those for a stopped CPU are lost."""
        with self._lock:
            child, uart = self._child, self._uart
            if child is None or uart is None:
                return
            data = child.keyboard.take(data)
            with contextlib.suppress(BlockingIOError):  # the UART's buffer is full: lost
                uart.send(data)
        self._clock.stir()
        if self._idle is not None:
            self._idle.input_came()

    def post(self, kind: Event, source: int, value: int = 0, *, latest: bool = False) -> None:
        """Interrupt the program; nothing happens while the CPU is stopped."""
        child = self._child  # no lock: peripherals call this while they hold theirs
        if child is not None:
            child.interrupts.post(kind, source, value, latest=latest)

    def _spawn(self) -> None:
        assert self._uart_child is not None
        self._soft_reset = False
        self._child = Child(
            heap_size=self._heap_size,
            uart=self._uart_child,
            flash_fd=self._flash.fileno(),
            alarms=self._alarms,
            answer=self._answer,
            output=self._print,
            ended=self._ended,
            wake=self._idle.wake if self._idle is not None else _nothing,
        )
        if self._idle is not None:
            self._idle.begin(self._child)

    def _ended(self, child: Child) -> None:
        """After the process's end: nothing if it was stopped, a new one after a soft reset."""
        with self._lock:
            if child is not self._child:
                return
            if self._soft_reset:
                for peripheral in self._peripherals:
                    peripheral.reset(soft=True)
                self._cause = ResetCause.SOFT
                self._transmit(b"MPY: soft reboot\r\n")
                if self._idle is not None:
                    self._idle.hold()
                self._spawn()
                return
            self._child = None
            if self._idle is not None:
                self._idle.end()
        self._transmit(_PANIC)
        self._alarms.after(_PANIC_SECONDS, lambda: self._reset(ResetCause.HARD))

    def _reset(self, cause: ResetCause | str) -> None:
        # Not in this thread: the board stops the CPU, and with it this thread.
        threading.Thread(target=self._request_reset, args=(cause,), daemon=True).start()

    def _print(self, data: bytes) -> None:
        self._transmit(data.replace(b"\n", b"\r\n"))

    def _answer(self, child: Child, packet: bytes) -> Answer:
        operation = packet[0]
        if operation == Operation.EVENTS:
            self._i2s.advance()
            return child.interrupts.fetch()
        return self._services.answer(packet)

    def _add_services(self) -> None:
        services = self._services
        services.add("boot", self._boot_info)
        services.add("raw_mode", self._set_raw_mode)
        services.add("soft_reset", self._set_soft_reset)
        services.add("interrupt_character", self._set_interrupt_character)
        services.add("reset", self._reset_by_program)
        services.add("machine", self._machine)
        services.add("thread_start", self._start_thread)
        if self._idle is not None:
            services.add_operation(Operation.IDLE, self._idle.serve)
        services.add_operation(Operation.MODULE, self._module)
        services.add_operation(Operation.WRITE_RAW, self._write_raw)

    def _boot_info(self) -> dict[str, Any]:
        if self._idle is not None:
            self._idle.synchronize()
        uptime = self._clock.now() - self._started_at
        return {
            "fast": self._idle is not None,
            "raw_mode": self._raw_mode,
            "uptime_us": int(uptime * 1_000_000),
            "clock_ns": self._rtc.now_ns(),
        }

    def _machine(self) -> dict[str, Any]:
        return {"unique_id": self._identity.mac, "reset_cause": self._cause.value}

    def _start_thread(self, number: int) -> None:
        seconds = self._wifi.scan_seconds  # what the firmware's only thread waits for
        self._alarms.after(seconds, lambda: self.post(Event.THREAD, number, latest=True))

    def _set_raw_mode(self, raw: bool) -> None:
        self._raw_mode = raw

    def _set_soft_reset(self) -> None:
        self._soft_reset = True

    def _set_interrupt_character(self, character: int) -> None:
        if self._child is not None:
            self._child.keyboard.set_character(character)

    def _reset_by_program(self, kind: str, sleep_ms: int | None = None) -> None:
        if kind == BOOTLOADER:
            self._reset(BOOTLOADER)
        elif kind == ResetCause.DEEPSLEEP.value:
            if sleep_ms is not None:  # else only a reset wakes it
                self._alarms.after(sleep_ms / 1000, lambda: self._reset(ResetCause.DEEPSLEEP))
        else:
            self._reset(ResetCause(kind))

    def _module(self, _a: int, _b: int, name: bytes) -> Answer:
        return 0, shims.modules()[name.decode()]

    def _write_raw(self, _a: int, _b: int, data: bytes) -> Answer:
        self._transmit(data)
        return DONE
