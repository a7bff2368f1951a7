"""A flooder at full speed beside a polite client, over real sockets."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import own_address
from miot_process import Board

from mynah.miio import MiioClient

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: no peer of its own"
)

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
FLOODER = Path(__file__).with_name("flooder.py")


def dropped(board):
    """How many datagrams were dropped, by reason."""
    last = re.findall(r"test: dropped (.*)", board.log)[-1]
    return {reason: int(count) for reason, count in re.findall(r"'(\w+)', (\d+)", last)}


def test_every_call_of_a_polite_client_is_answered(tmp_path):
    address, foe = own_address(), own_address()
    board = Board(address, "owned", tmp_path)
    flooder = subprocess.Popen(
        [sys.executable, str(FLOODER), address, foe], stdout=subprocess.PIPE, text=True
    )
    try:
        assert flooder.stdout.readline() == "floods\n"
        board.expect("'rate', [0-9]{4}")  # it has used up its share
        # What is lost is lost in the full buffer of the socket, so the client asks again.
        with MiioClient(address, TOKEN, timeout_s=0.2, retries=50) as client:
            for volume in range(5):
                client.set("speaker.volume", volume)
                assert client.get("speaker.volume") == volume
        time.sleep(0.2)  # the board logs its counts now and then
        counts = dropped(board)
    finally:
        flooder.kill()
        flooder.wait()
        flooder.stdout.close()
        board.close()
    # Of a thousand guesses a second few were hashed; then they are too dear.
    assert counts["rate"] > 1000
    assert counts["checksum"] < 20
    assert counts["hello"] > 1000
