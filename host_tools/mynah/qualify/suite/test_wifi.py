"""Wi-Fi: into the network, and how fast and surely packets come and go."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest

from mynah.errors import BoardTimeoutError, MynahError
from mynah.hil.controls import wait_until
from mynah.miio import MiioClient, devices, pair

if TYPE_CHECKING:
    from mynah.hil.board import HilBoard
    from mynah.hil.device import Device
    from mynah.qualify.score import Score

SSID, PASSWORD = "mynah qualify", "a password"
OUTCOME = r" wifi: address ((?:\d+\.){3}\d+)| net: (?:set-up|off)"
N_HELLOS = 100
EVERY_S = 0.03
"""The firmware answers 40 hellos a second to an address."""
ANSWER_S = 0.5
PATIENCE_S = 30.0


@pytest.fixture(scope="session")
def paired_state(board: HilBoard) -> tuple[bytes, bytes] | None:
    """Flash and token of a virtual board that is paired with a simulated network."""
    if board.virtual is None:
        return None
    board.restore()
    air = board.virtual.world.wifi
    air.add(SSID, PASSWORD)
    wait_until(lambda: air.access_point is not None, 20, "the set-up network")
    token = pair(board.virtual.ap_address, SSID, PASSWORD).token
    wait_until(lambda: air.access_point is None, 20, "the end of the set-up network")
    board.virtual.power_off()
    return board.save_state(), token


@pytest.fixture
def joined(firmware: Device, paired_state: tuple[bytes, bytes] | None) -> tuple[float, str]:
    """Seconds from reset to an address, and the address; the board is in its network."""
    board = firmware.board
    if board.virtual is not None:
        assert paired_state is not None
        board.virtual.world.wifi.add(SSID, PASSWORD)
        board.load_state(paired_state[0])
    firmware.reset(wait=False)
    started = time.monotonic()
    try:
        at, match = firmware.console.expect_line(OUTCOME, PATIENCE_S)
    except BoardTimeoutError:
        pytest.fail(f"it knows a network and does not join it in {PATIENCE_S:g} s", pytrace=False)
    if not match[1]:
        pytest.skip("the board has no network: pair it first (`mynah pair`)")
    return at - started, match[1]


@pytest.mark.scores(
    "wifi.join_s",
    "wifi.rssi_dbm",
    "wifi.round_trip_ms",
    "wifi.round_trip_95_ms",
    "wifi.loss_pct",
)
def test_network(
    firmware: Device,
    joined: tuple[float, str],
    score: Score,
    paired_state: tuple[bytes, bytes] | None,
) -> None:
    """It joins its network and answers there."""
    simulated = ", simulated network" if firmware.board.virtual is not None else ""
    seconds, address = joined
    score("wifi.join_s", seconds, note=f"from reset{simulated}")
    _measure_strength(address, paired_state[1] if paired_state else None, score, simulated)
    times, n_lost = _hellos(address)
    assert times, f"{address} does not answer: is this computer in the board's network?"
    note = f"{N_HELLOS} hellos{simulated}"
    score("wifi.round_trip_ms", 1000 * statistics.median(times), note=note)
    score("wifi.round_trip_95_ms", 1000 * _percentile(times, 0.95), note=note)
    score("wifi.loss_pct", 100 * n_lost / N_HELLOS, note=note)


def _hellos(address: str) -> tuple[list[float], int]:
    """Round trips in seconds, and how many packets got no answer."""
    times, n_lost = [], 0
    with MiioClient(address, timeout_s=ANSWER_S, retries=0) as client:
        for _ in range(N_HELLOS):
            started = time.monotonic()
            try:
                client.hello()
            except BoardTimeoutError:
                n_lost += 1
                continue
            taken = time.monotonic() - started
            times.append(taken)
            time.sleep(max(EVERY_S - taken, 0))
    return times, n_lost


def _measure_strength(address: str, token: bytes | None, score: Score, simulated: str) -> None:
    known = next((d for d in devices.known().values() if d.address == address), None)
    if token is None and known is None:
        score.not_measured(
            "wifi.rssi_dbm", "this computer has no token of the board (`mynah pair`)"
        )
        return
    client = MiioClient(address, token) if known is None or token else devices.client_of(known)
    with client:
        try:
            strength = client.info()["ap"]["rssi"]
        except (MynahError, KeyError) as error:
            score.not_measured("wifi.rssi_dbm", f"the board does not tell it: {error}")
            return
    score("wifi.rssi_dbm", strength, note=f"as the board has it{simulated}")


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
