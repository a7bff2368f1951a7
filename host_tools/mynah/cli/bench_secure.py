"""``mynah bench secure``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json

if TYPE_CHECKING:
    from mynah.bench.secure.counts import Cost
    from mynah.bench.secure.pc import Figures

_HZ = 240e6


@click.command()
@click.option("--takes", type=click.IntRange(1), default=25, show_default=True)
@json_option
def command(takes: int, *, as_json: bool) -> None:
    """Measure the secure channel: a handshake and a message, here and on an ESP32-S3.

    In MicroPython on this computer: time, and heap. On the chip: the instructions of the shipped
    code, counted by qemu-xtensa, beside those of plain viper. Milliseconds on the chip are an
    estimate from these: no board was measured, and Python's own share is not in them.
    """
    from mynah.bench.secure import counts, pc

    figures = pc.measure(takes)
    costs = {kind: counts.measure(kind) for kind in counts.KINDS}
    if as_json:
        data = {kind: asdict(cost) for kind, cost in costs.items()}
        print_json({"pc": asdict(figures), "instructions": data})
        return
    _show_pc(figures, takes)
    _show_counts(costs["xtensa"], costs["viper"])


def _show_pc(figures: Figures, takes: int) -> None:
    kinds = ", ".join(figures.backends)
    click.echo(f"MicroPython on this computer ({kinds}), medians of {takes}, heap of 64-bit words:")
    click.echo(f"  {'':26}{'time':>12}{'heap':>16}")
    rows = [
        ("proof of the first message", figures.proof_us, ""),
        (
            "handshake, proof included",
            figures.handshake_us,
            f"{figures.handshake_heap:,} B passing",
        ),
        ("  its longest slice", figures.longest_us, ""),
        ("channel with its sessions", None, f"{figures.channel_heap:,} B kept"),
    ]
    for each in figures.messages:
        rows.append((f"seal {each.size:,} B", each.seal_us, f"{each.seal_heap:,} B passing"))
        rows.append((f"open {each.size:,} B", each.open_us, f"{each.open_heap:,} B passing"))
    for name, us, heap in rows:
        time = "" if us is None else f"{us / 1000:.3f} ms"
        click.echo(f"  {name:26}{time:>12}{heap:>20}")


def _show_counts(native: Cost, viper: Cost) -> None:
    from mynah.bench.secure.counts import LADDER_STEPS, TEXT_SIZE

    click.echo("\nInstructions on the ESP32-S3, by qemu-xtensa:")
    click.echo(f"  {'':30}{'Xtensa code':>14}{'plain viper':>14}")
    steps = {"step": f"one of {LADDER_STEPS} steps"}
    rows = [
        (f"  X25519: {steps.get(part, part)}", native.x25519[part], viper.x25519[part])
        for part in native.x25519
    ]
    rows.append(("X25519", native.exchange, viper.exchange))
    rows.append(("  its longest slice", native.longest_slice, viper.longest_slice))
    rows.append(("handshake", native.handshake, viper.handshake))
    rows += [
        (f"  message: {name}", native.message[name], viper.message[name]) for name in native.message
    ]
    rows.append((f"message of {TEXT_SIZE:,} B", native.message_counted, viper.message_counted))
    for name, *both in rows:
        click.echo(f"  {name:30}" + "".join(f"{each:14,}" for each in both))
    click.echo("  estimated, at one instruction a cycle of 240 MHz, with the kernels' calls:")
    both_kinds = (native, viper)
    for name, estimates in (
        ("longest slice", [_ms(each, each.longest_slice, 1) for each in both_kinds]),
        ("handshake", [_ms(each, each.handshake, each.handshake_calls) for each in both_kinds]),
        ("message", [_ms(each, each.message_counted, each.message_calls) for each in both_kinds]),
    ):
        click.echo(f"    {name:28}" + "".join(f"{each:>14}" for each in estimates))
    sizes = {**native.file_sizes, **viper.file_sizes}
    click.echo("  bytes: " + ", ".join(f"{name} {size:,}" for name, size in sizes.items()))


def _ms(cost: Cost, instructions: int, calls: int) -> str:
    return f"{1000 * cost.with_python(instructions, calls) / _HZ:.1f} ms"
