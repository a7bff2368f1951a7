"""A remote serial port that says something and hangs up, for tests of logs."""

import socket
import threading

import serial.rfc2217


class Server:
    """A remote serial port (pyserial's own server side) that says something and hangs up.

    A speech is bytes, or several of them that come about a tenth of a second after each other.
    """

    def __init__(self, *speeches):
        self._speeches = speeches
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self.hang_up = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        for speech in self._speeches:
            connection, _ = self._listener.accept()
            with connection:
                self._speak(connection, speech)

    def _speak(self, connection, speech):
        lock = threading.Lock()

        class Connection:
            @staticmethod
            def write(data):
                with lock:
                    connection.sendall(data)

        port = serial.serial_for_url("loop://")
        manager = serial.rfc2217.PortManager(port, Connection)
        connection.settimeout(0.1)
        rest = [speech] if isinstance(speech, bytes) else list(speech)
        while not self.hang_up.is_set():
            try:
                data = connection.recv(1024)
            except TimeoutError:
                if rest:
                    connection.sendall(b"".join(manager.escape(rest.pop(0))))
                continue
            if not data:
                return
            b"".join(manager.filter(data))
        self.hang_up.clear()

    def close(self):
        self._thread.join()
        self._listener.close()
