"""What `mynah bench secure` tells, and what the secure channel may cost."""

import json

from click.testing import CliRunner

from mynah.cli import cli

SLICE_MS = 20
INSTRUCTIONS_A_MS = 240_000  # at one a cycle


def test_the_channel_stays_within_its_limits(emulator):
    done = CliRunner().invoke(cli, ["bench", "secure", "--takes", "3", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    for cost in told["instructions"].values():
        assert cost["longest_slice"] < SLICE_MS * INSTRUCTIONS_A_MS
        parts = cost["x25519"]
        whole = parts["start"] + 255 * parts["step"] + parts["division"] + parts["pack"]
        assert cost["exchange"] == whole
        assert 2 * whole < cost["handshake"] < 2.02 * whole
    native, viper = told["instructions"]["xtensa"], told["instructions"]["viper"]
    assert native["handshake"] < 5_000_000
    assert sum(native["message"].values()) < 100_000
    # What machine code is for.
    assert viper["handshake"] > 10 * native["handshake"]
    assert sum(viper["message"].values()) > 10 * sum(native["message"].values())
    here = told["pc"]
    assert here["channel_heap"] < 16_384
    assert here["handshake_heap"] < 65_536
    for message in here["messages"]:
        assert message["seal_heap"] == 0
        assert message["open_heap"] < 256
    assert here["longest_us"] < here["handshake_us"]


def test_the_table(emulator):
    done = CliRunner().invoke(cli, ["bench", "secure", "--takes", "1"])
    assert done.exit_code == 0, done.output
    for word in ("proof", "handshake", "longest slice", "estimated", "x25519_xtensa.mpy"):
        assert word in done.output
