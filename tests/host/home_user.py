"""A user with a paired speaker, for the tests of `mynah home`."""

import json

from mynah.bench.home.peers import TOKEN
from mynah.cli import cli
from mynah.miio import MiioClient
from mynah.miio.devices import Device, remember

SPEAKER_TOKEN = "00112233445566778899aabbccddeeff"  # miot_board.py's, when it is owned


class User:
    """Calls `mynah home` in this process; the devices' token is in the environment."""

    def __init__(self, speaker, monkeypatch, capsys, folder):
        monkeypatch.setenv("MYNAH_CONFIG", str(folder / "config"))
        monkeypatch.setenv("MYNAH_DEVICE_TOKEN", TOKEN.hex())
        monkeypatch.setattr("mynah.home.device.TIMEOUT_S", 0.2)
        model = "mynah.speaker.test"
        remember("salon", Device(speaker.address, SPEAKER_TOKEN, 0x12345678, "", model))
        self.speaker = speaker
        self._capsys = capsys

    def client(self):
        """A client of the speaker."""
        return MiioClient(self.speaker.address, bytes.fromhex(SPEAKER_TOKEN))

    def mynah(self, *arguments, code=0):
        """What a command prints; its exit code is checked, unless that is None."""
        self._capsys.readouterr()
        try:
            cli.main(["home", *arguments], standalone_mode=False)
            exited = 0
        except SystemExit as error:
            exited = error.code
        shown = self._capsys.readouterr()
        assert code in {None, exited}, shown.out + shown.err
        return shown

    def json(self, *arguments, code=0):
        return json.loads(self.mynah(*arguments, "--json", code=code).out)

    def add(self, address, name, room="", spec=None):
        options = ("--spec", str(spec)) if spec else ()
        self.mynah("add", "--address", address, "--name", name, "--room", room, *options)
