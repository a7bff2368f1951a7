"""Sends a speaker datagrams as fast as it can, until it is killed: `address own_address`."""

import contextlib
import os
import socket
import sys

HELLO = bytes.fromhex("21310020" + "ff" * 28)


def main(address, own):
    """Hellos, garbage, and packets whose stamp is right and whose checksum is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((own, 0))
        sock.connect((address, 54321))
        sock.send(HELLO)
        answer = sock.recv(100)
        stamp = int.from_bytes(answer[12:16], "big") + 1
        guess = b"\x21\x31\x00\x50" + answer[4:12] + stamp.to_bytes(4, "big")
        kinds = [HELLO, guess + os.urandom(64), os.urandom(1400)]
        print("floods", flush=True)
        while True:
            for kind in kinds:
                with contextlib.suppress(OSError):
                    sock.send(kind)


if __name__ == "__main__":
    main(*sys.argv[1:3])
