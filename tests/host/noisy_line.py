"""A cable to a virtual board that carries only so many baud; what is faster comes out damaged."""

from mynah.bench.wire import Wire

# RFC 2217: IAC SB COM-PORT-OPTION SET-BAUDRATE, four bytes
_SET_BAUDRATE = b"\xff\xfa\x2c\x01"
_IAC = 0xFF


class NoisyLine(Wire):
    """Passes an RFC 2217 connection on; ``url`` is where it listens.

    Args:
        url: the board's port.
        max_baud: the fastest rate that is carried undamaged.
        good_bytes: how much of a faster transfer is undamaged all the same.
    """

    def __init__(self, url, max_baud, good_bytes=0):
        self.max_baud = max_baud
        self._good_bytes = good_bytes
        super().__init__(url)

    def connected(self):
        self._baud, self._sent = 115_200, 0

    def passed(self, data):
        at = data.find(_SET_BAUDRATE)
        if at >= 0:
            self._baud = int.from_bytes(data[at + 4 : at + 8], "big")
            self._sent = 0
        elif self._baud > self.max_baud:
            self._sent += len(data)
            if self._sent >= self._good_bytes:
                return _damaged(data)
        return data


def _damaged(data):
    """One byte of 16 differs; Telnet's commands stay what they are."""
    if _IAC in data:
        return data
    return bytes(byte ^ 1 if i % 16 == 3 else byte for i, byte in enumerate(data))
