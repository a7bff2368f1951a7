"""The unix port's UDP sockets as the board's: addresses as ("1.2.3.4", port), pollable.

`install()` puts them where the firmware opens its sockets.
"""

import io
import socket

_GET_FILENO = 10  # MP_STREAM_GET_FILENO: what the unix port polls


class Socket(io.IOBase):
    def __init__(self, family, kind):
        self._socket = socket.socket(family, kind)

    def ioctl(self, request, _argument):
        return self._socket.fileno() if request == _GET_FILENO else -22

    def __getattr__(self, name):
        return getattr(self._socket, name)

    def recvfrom(self, n):
        data, packed = self._socket.recvfrom(n)
        _, address, port = socket.sockaddr(packed)
        return data, (".".join([str(byte) for byte in address]), port)

    def sendto(self, data, peer):
        return self._socket.sendto(data, socket.getaddrinfo(peer[0], peer[1])[0][-1])


class SocketModule:
    AF_INET, SOCK_DGRAM = socket.AF_INET, socket.SOCK_DGRAM
    SOL_SOCKET, SO_REUSEADDR = socket.SOL_SOCKET, socket.SO_REUSEADDR
    SO_BROADCAST = socket.SO_BROADCAST
    getaddrinfo = staticmethod(socket.getaddrinfo)
    socket = Socket


def install():
    from speaker.net import sockets

    sockets.socket = SocketModule
