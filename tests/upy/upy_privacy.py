"""The report of `mynah privacy` as the board gives it; tables refuse what they lack."""

import asyncio
import json
import os

from speaker.app import console, privacy, told, told_kept
from speaker.app.settings import OWN, Settings
from speaker.app.state import SAVED, Store
from speaker.miot.server import MiioError
from speaker.net import networks, sockets
from speaker.util import files, log
from speaker.util.storage import TwoCopies

ROW_BYTES = 380  # a log line holds 400 characters


class Input:
    def ioctl(self, *_):
        return 0


PEER = ("10.0.0.9", 1)


def make():
    store = Store()
    settings = Settings(TwoCopies(tmp_path + "/settings.a", tmp_path + "/settings.b"), store)
    settings.load()
    methods = {"miIO.info": None}
    report = privacy.Privacy(settings, store, console.Console(Input()), methods.keys)
    methods.update(report.methods())
    return report, settings, methods


def all_pages(report, _settings, methods):
    rows, start = [], 0
    while start is not None:
        text = json.dumps(methods["mynah.privacy"]({"from": start}, PEER))
        assert len(text) < 1300, len(text)
        answer = json.loads(text)
        rows += answer["rows"]
        start = answer["next"]
    return rows


def test_every_row_is_short_and_has_its_columns():
    columns = {}
    names = set()
    for row in privacy.table():
        assert len(json.dumps(row)) < ROW_BYTES, row
        assert (row["section"], row["name"]) not in names
        names.add((row["section"], row["name"]))
        keys = columns.setdefault(row["section"], sorted(row))
        assert sorted(row) == keys, row
    assert columns["sockets"] == columns["sockets of MicroPython"]
    assert columns["files"] == columns["files of MicroPython"]
    assert len(columns) == 11


def test_all_of_it_over_miio_and_over_the_console():
    made = make()
    rows = all_pages(*made)
    assert [row for row in rows if row["section"] != "now"] == json.loads(
        json.dumps(privacy.table())
    )
    now = {row["name"]: row["items"] for row in rows if row["section"] == "now"}
    assert now["methods"] == ["miIO.info", "mynah.privacy"]
    assert now["settings that are set"] == ["token"]
    assert now["microphone"] == ["listening"]

    lines = []
    write, log._write = log._write, lambda *record: lines.append(record[2] % record[3])
    try:
        asyncio.run(made[0].run(None))
    finally:
        log._write = write
    assert lines.pop() == "end"
    assert [json.loads(line) for line in lines] == rows


def test_no_secret_is_told():
    report, settings, methods = make()
    settings.set_network(b"home sweet home", "a password", "", by_owner=True)
    text = json.dumps(all_pages(report, settings, methods))
    for secret in ("home sweet home", "a password", json.loads(read("/settings.a"))["token"]):
        assert secret not in text
    assert "token" in text and "password" in text


def read(name):
    with open(tmp_path + name) as file:
        return file.read().split("\n", 1)[1]


def test_a_wrong_page_is_refused():
    _, _, methods = make()
    for wrong in ({"from": -1}, {"from": "x"}, {"from": None}):
        try:
            methods["mynah.privacy"](wrong, PEER)
        except MiioError:
            continue
        raise AssertionError(wrong)
    assert methods["mynah.privacy"]({"from": 1000}, PEER) == {"rows": [], "next": None}
    assert methods["mynah.privacy"]([], PEER)["rows"]


def test_what_is_saved_is_what_the_tables_say():
    _, settings, _ = make()
    settings.set_network(b"home", "password1", "DE", by_owner=True)
    settings.set_names(name="kitchen", hostname="kitchen")
    settings.set_channel_key(bytes(range(32)))
    kept = json.loads(read("/settings.a"))
    assert sorted(kept) == sorted(list(SAVED) + list(OWN))
    is_set = settings.own_that_are_set()
    assert sorted(is_set + ["ssid_bytes"]) == sorted(OWN)  # that is for names that are no text


def refused(error, function, *arguments):
    try:
        function(*arguments)
    except error:
        return
    raise AssertionError(arguments)


def test_a_text_is_of_a_row_that_there_is():
    """That each row has its text the report itself proves, which names every row."""
    for texts, rows in (
        (told.SOCKETS, sockets.SOCKETS),
        (told_kept.FILES, files.FILES),
        (told.COMMANDS, console.COMMANDS),
        (told_kept.SAVED, SAVED),
        (told_kept.OWN, OWN),
    ):
        assert sorted(texts) == sorted(rows)
    assert set(networks.ACCESS_POINTS) < set(told.NETWORKS)


def test_what_is_in_no_table_cannot_be_used():
    refused(KeyError, sockets.open_udp, "cloud")
    refused(KeyError, networks.open_access_point, "guests", None, "x")
    refused(ValueError, console.Console(Input()).add, b"mynah spy\n", None)
    for path, mode in (
        ("/secrets", "r"),
        ("/settings.c", "w"),
        ("/board.json", "w"),
        ("/board.json", "r+"),
        ("/models/x.wake", "ab"),
    ):
        refused(ValueError, files.open_file, tmp_path + path, mode)
    os.mkdir(tmp_path + "/models")
    refused(OSError, files.open_file, tmp_path + "/models/x.wake", "rb")
    files.open_file(tmp_path + "/settings.a", "wb").close()
