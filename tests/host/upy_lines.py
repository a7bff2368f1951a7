"""A script inside MicroPython that answers lines of JSON, as an object with its functions."""

import json
import os
import subprocess
from pathlib import Path

from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command


class Lines:
    """``lines.name(...)`` calls the script's function; bytes go there as hexadecimal digits."""

    def __init__(self, script):
        path = Path(__file__).with_name(script)
        self._process = subprocess.Popen(
            [*micropython_command(), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        )

    def __getattr__(self, name):
        def call(*arguments):
            request = [name, [a.hex() if isinstance(a, bytes) else a for a in arguments]]
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            try:
                return json.loads(answer)
            except ValueError:  # a traceback
                rest = self._process.stdout.read()
                raise AssertionError(f"{name} in MicroPython: {answer}{rest}") from None

        return call

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait() == 0
