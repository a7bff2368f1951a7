"""``mynah bench``: what can be measured."""

from __future__ import annotations

import click

from mynah.cli import LazyGroup

COMMANDS = {
    "accuracy": "missed keywords against false accepts per hour, over a folder of recordings",
    "wake": "the wake engine's instructions on an ESP32-S3, by stage and kernel",
    "secure": "the secure channel's time, heap and instructions",
    "home": "from a sentence to the lamp's acknowledgement, beside python-miio",
    "logs": "lines a second without loss, beside miniterm and esp-idf-monitor",
    "deploy": "`mynah deploy` beside `mpremote fs cp -r`: seconds and bytes",
    "pc": "the wake engine's speed on this computer, beside pymicro-wakeword's",
    "history": "test runs on boards: what changed, and what is flaky",
}


@click.group(cls=LazyGroup, commands=COMMANDS, prefix="mynah.cli.bench_")
def command() -> None:
    """Measure the wake engine, control of devices, the secure channel, logs; compare test runs."""
