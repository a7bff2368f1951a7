"""pyserial's RFC 2217 port, without renegotiating what both sides have agreed on already.

pyserial 3.5 sends all port settings again, and sleeps 100 ms, whenever a program sets any of them
or a mere timeout. esptool does so twice a command: a command takes 200 ms, reading the chip's
identity 20 s.
"""

from __future__ import annotations

import warnings

from serial import rfc2217


class Serial(rfc2217.Serial):  # type: ignore[misc]  # pyserial has no types
    """As pyserial's; settings go over the wire only if they differ from the last ones."""

    _agreed: tuple[object, ...] | None = None

    def open(self) -> None:
        """Open the port; everything is negotiated anew."""
        self._agreed = None
        with warnings.catch_warnings():
            # pyserial starts its thread the way Python deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            super().open()

    def close(self) -> None:
        """Close the port; also the socket of a connection that broke, which pyserial forgets."""
        connection = self._socket
        super().close()
        if connection is not None:
            connection.close()

    def _reconfigure_port(self) -> None:
        wanted = (
            self._baudrate,
            self._bytesize,
            self._parity,
            self._stopbits,
            self._xonxoff,
            self._rtscts,
            self._write_timeout,  # pyserial refuses one here, as it must
        )
        if wanted != self._agreed:
            super()._reconfigure_port()
            self._agreed = wanted
