"""``mynah bench wake``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json

if TYPE_CHECKING:
    from mynah.bench.instructions import Report

_STAGES = {
    "front end": ("copy", "frame", "spectrum", "energy", "filterbank", "compress"),
    "model": ("quantise", "run", "matvec", "depthwise", "append", "copy_rows", "table"),
}


@click.command()
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@json_option
def command(names: tuple[str, ...], *, as_json: bool) -> None:
    """Count the ESP32-S3 instructions that 30 ms of sound cost, by stage and kernel.

    Three rows of features and one inference (okay_nabu and alexa, or MODELs), in a recording of the
    wake word: native code, plain viper, and the multiply-accumulates that the model cannot do
    without. Counted is the machine code of the .mpy files that a board loads, run by qemu-xtensa.
    What the firmware's Python costs around it is an estimate, and is called so.
    """
    from mynah.bench.instructions import measure

    reports = [measure(name) for name in names or ("okay_nabu", "alexa")]
    if as_json:
        print_json([_as_json(report) for report in reports])
        return
    for report in reports:
        _show(report)


def _as_json(report: Report) -> dict[str, object]:
    totals = {
        kind: {"counted": cost.counted, "with_python": cost.total}
        for kind, cost in (("native", report.native), ("viper", report.viper))
    }
    return {**asdict(report), "totals": totals}


def _show(report: Report) -> None:
    from mynah.bench.instructions import CALL

    native, viper = report.native, report.viper
    click.echo(f"{report.model}: instructions for 30 ms of sound (3 rows of features, 1 inference)")
    click.echo(f"  {'':24}{'native':>10}{'viper':>12}{'MACs':>9}")
    for stage, kernels in _STAGES.items():
        for kernel in kernels:
            counts = native.kernels.get(kernel, 0), viper.kernels.get(kernel, 0)
            if any(counts):
                floor = report.macs.get(kernel, "")
                click.echo(f"  {stage:10}{kernel:14}{counts[0]:10,}{counts[1]:12,}{floor:>9}")
    floor = sum(report.macs.values())
    click.echo(f"  {'counted':24}{native.counted:10,}{viper.counted:12,}{floor:9,}")
    click.echo(
        f"  {'Python, estimated':24}{CALL * native.calls:10,}{CALL * viper.calls:12,}"
        f"          {native.calls} and {viper.calls} calls of {CALL}"
    )
    share = native.total / (240e6 * 0.03)
    click.echo(
        f"  {'in all':24}{native.total:10,}{viper.total:12,}"
        f"          {share:.1%} of a 240 MHz core, were each instruction one cycle"
    )
    sizes = ", ".join(f"{name} {size:,}" for name, size in report.file_sizes.items())
    click.echo(f"  bytes: model and state {report.model_bytes:,}; {sizes}\n")
