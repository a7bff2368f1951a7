"""The broker's process, started by `mynah.link.sharing` with its sockets and the port open.

``python -m mynah.link.broker_process JSON``; it says "r" on the tap when it is ready, and takes
the port when it is told "g".
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from mynah.link import alive
from mynah.link.broker import Broker
from mynah.link.handover import Handle, take

READY = b"r"
GO = b"g"


def main(told: str) -> None:
    """Run the broker until nobody is left.

    Args:
        told: JSON object: ``handle`` (of `Handle`), the numbers of the open sockets ``listener``,
            ``alive`` and ``tap``, and ``path``, the file that tells of it.
    """
    content = json.loads(told)
    tap = socket.socket(fileno=content["tap"])
    listener = socket.socket(fileno=content["listener"])
    sign_of_life = socket.socket(fileno=content["alive"])
    tap.sendall(READY)
    if tap.recv(1) != GO:
        return
    try:
        port = take(Handle(**content["handle"]))
        Broker(port, listener, tap=tap).run()
    finally:
        alive.remove(Path(content["path"]))
        sign_of_life.close()


if __name__ == "__main__":
    main(sys.argv[1])
