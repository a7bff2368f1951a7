"""Two copies of the settings: newest valid wins, and power may fail at any flash operation."""

import os

import vfs
from fakes.nor import Nor, PowerCut

from speaker.util import log, storage
from speaker.util.storage import TwoCopies, decode, encode


def mounted(nor):
    nor.cut_at = None
    vfs.mount(vfs.VfsLfs2(nor), "/nor")
    return TwoCopies("/nor/settings.a", "/nor/settings.b")


def unmount():
    vfs.umount("/nor")


def test_power_cut_at_every_operation_of_a_save():
    prepared = Nor()
    vfs.VfsLfs2.mkfs(prepared)
    files = mounted(prepared)
    for volume in range(5):
        files.save({"volume": volume, "ssid": "home"})
    old, new = {"volume": 4, "ssid": "home"}, {"volume": 99, "ssid": "away", "note": "x" * 300}
    unmount()

    outcomes = []
    cut_at = 0
    done = False
    while not done:
        cut_at += 1
        nor = Nor()
        nor.data[:] = prepared.data
        files = mounted(nor)
        assert files.load() and files.values == old
        nor.operations = 0
        nor.cut_at = cut_at
        try:
            files.save(new)
            done = True
        except (PowerCut, OSError):
            pass
        unmount()
        files = mounted(nor)  # power is back
        assert files.load(), cut_at
        assert files.values in (old, new), (cut_at, files.values)
        outcomes.append(files.values == new)
        # and the speaker can go on saving
        files.save({"volume": 50})
        assert files.load() and files.values == {"volume": 50}
        unmount()
    assert outcomes[-1] is True and outcomes[0] is False
    assert len(outcomes) > 4, len(outcomes)
    print(len(outcomes), "cuts")


def fresh():
    return tmp_path + "/settings.a", tmp_path + "/settings.b"


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def test_newest_valid_copy_wins():
    a, b = fresh()
    files = TwoCopies(a, b)
    assert files.load() and files.values == {}
    for n in range(7):
        assert files.save({"n": n})
        assert not files.save({"n": n})  # nothing changed, nothing worn
        again = TwoCopies(a, b)
        assert again.load() and again.values == {"n": n}
    for damaged, expected in ((a, {"n": 5}), (b, {"n": 6})):
        with open(damaged, "rb") as file:
            whole = file.read()
        for wrong in (b"", b"garbage", whole[:-1], whole.replace(b"1 7", b"1 9"), whole + b" "):
            if wrong != whole:
                write(damaged, wrong)
                files = TwoCopies(a, b)
                assert files.load() and files.values == expected, (damaged, wrong)
        write(damaged, whole)
    write(a, b"\xff" * 100)
    write(b, b"mynah1 99999 zz\n{}")
    files = TwoCopies(a, b)
    warnings = []
    storage.log = type("log", (), {"warning": lambda *record: warnings.append(record[1])})
    try:
        assert not files.load() and files.values == {}
    finally:
        storage.log = log
    assert warnings[-1] == "no valid copy: using defaults" and len(warnings) == 3
    assert files.save({"n": 1})
    files = TwoCopies(a, b)
    assert files.load() and files.values == {"n": 1}
    os.remove(a)
    os.remove(b)


def test_every_flipped_bit_is_seen():
    whole = encode(12, {"ssid": "home"})
    assert decode(whole) == (12, {"ssid": "home"})
    for i in range(len(whole)):
        for bit in range(8):
            wrong = bytearray(whole)
            wrong[i] ^= 1 << bit
            try:
                found = decode(bytes(wrong))
            except ValueError:
                continue
            # Only the case of the checksum's hex digits carries nothing.
            assert found == (12, {"ssid": "home"}), (i, bit)


def test_flash_that_does_not_keep_it():
    a, b = fresh()
    files = TwoCopies(a, b)
    files.save({"n": 1})
    read = storage._read
    storage._read = lambda _path: b"something else"
    try:
        files.save({"n": 2})
    except OSError:
        pass
    else:
        raise AssertionError
    finally:
        storage._read = read
    again = TwoCopies(a, b)
    assert again.load() and again.values in ({"n": 1}, {"n": 2})
    os.remove(a)
    os.remove(b)
