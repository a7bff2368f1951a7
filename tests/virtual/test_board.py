"""Boards beside each other, and what is left of one."""

import os
import socket
import subprocess
import sys

import pytest

from mynah.errors import PortError
from mynah.virtual import identity
from mynah.virtual.identity import IdentityClaim

MANY = pytest.mark.skipif(
    not identity._has_many_addresses(), reason="this computer has one loopback address"
)
# Numbers that boards do not get by themselves; another test run takes others.
FIRST = 150 + os.getpid() % 90


@MANY
def test_boards_side_by_side(echo_board):
    boards = [echo_board(bootable=False) for _ in range(3)]
    for attribute in ("url", "mac", "address", "ap_address"):
        assert len({getattr(board, attribute) for board in boards}) == 3
    for board in boards:
        assert board.mac.startswith("30:ed:a0:")
        with socket.socket() as server:
            server.bind((board.address, 0))


def claim(index=None):
    return IdentityClaim(index, psram_size=0, flash_size=1 << 24)


@MANY
def test_a_number_always_means_the_same_board():
    numbers = []
    for _ in range(2):
        claimed = claim(FIRST)
        numbers.append(claimed.identity)
        claimed.release()
    assert numbers[0] == numbers[1]
    assert numbers[0].address == f"127.77.0.{FIRST + 2}"


@MANY
def test_a_number_is_taken_once_also_by_other_processes():
    number = FIRST + 1
    mine = claim(number)
    with pytest.raises(PortError, match=f"board {number} runs already"):
        claim(number)
    code = (
        "from mynah.virtual.identity import IdentityClaim as C\n"
        f"try: C({number}, psram_size=0, flash_size=1)\n"
        "except Exception as e: print(type(e).__name__)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == "PortError\n"
    mine.release()
    claim(number).release()


def test_where_there_is_one_loopback_address_there_is_one_board(monkeypatch):
    monkeypatch.setattr(identity, "_has_many_addresses", lambda: False)
    monkeypatch.setattr(identity, "_LOCK_PORT", 30000 + os.getpid() % 20000)  # not another run's
    only = claim()
    assert (only.identity.index, only.identity.address) == (0, "127.0.0.1")
    with pytest.raises(PortError, match="one virtual board at a time"):
        claim()
    only.release()


@pytest.mark.parametrize("index", [-1, identity.N_BOARDS])
def test_a_number_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match="not in 0"):
        claim(index)


@MANY
def test_nothing_is_left(echo_board, console):
    board = echo_board(index=FIRST + 2)
    port = int(board.url.rsplit(":", 1)[1])
    console(board)
    board.close()
    board.close()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
    claim(board.identity.index).release()


@MANY
def test_a_board_that_cannot_be_made_leaves_nothing(echo_board):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortError, match="is taken"):
            echo_board(index=FIRST + 3, tcp_port=taken.getsockname()[1])
    claim(FIRST + 3).release()


@MANY
def test_flash_in_a_file_outlives_the_board(echo_board, tmp_path):
    path = tmp_path / "flash.bin"
    echo_board(flash=path).close()
    board = echo_board(flash=path, bootable=False)
    with pytest.raises(PortError, match="another virtual board"):
        echo_board(flash=path)
    assert board.flash.read(0, 1) == b"\xe9"
