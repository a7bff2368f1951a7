"""Fetching MicroPython images, with a server on this computer in the place of micropython.org."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mynah import boards
from mynah.errors import ImageError, MynahError, PortError, UsageError
from mynah.flash import fetch
from mynah.flash.job import flash_board
from mynah.virtual.board import VirtualBoard

VARIANT = "ESP32_GENERIC_S3-SPIRAM_OCT"
PAGE = "/download/ESP32_GENERIC_S3/"
NAMES = [
    "ESP32_GENERIC_S3-20261001-v1.29.1.bin",
    "ESP32_GENERIC_S3-FLASH_4M-20261001-v1.29.1.bin",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20261101-v1.30.0-preview.12.g1234567.bin",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20250911-v1.26.1.bin",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20261001-v1.29.1.bin",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20261001-v1.29.1.app-bin",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20260829-v1.29.0.bin",
]
NEWEST = "ESP32_GENERIC_S3-SPIRAM_OCT-20261001-v1.29.1.bin"
IMAGE = bytes(range(256)) * 64


class Site:
    """What micropython.org would answer; ``asked`` is what it was asked."""

    def __init__(self, monkeypatch):
        self.asked = []
        self.replies = {
            PAGE: "".join(f'<a href="/resources/firmware/{name}">x</a>' for name in NAMES).encode(),
            f"/resources/firmware/{NEWEST}": IMAGE,
        }
        self.claimed_length = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                body = site.replies.get(self.path)
                self.send_response(200 if body is not None else 404)
                length = site.claimed_length.get(self.path, len(body or b""))
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        monkeypatch.setenv(
            "MYNAH_MICROPYTHON_SITE", f"http://127.0.0.1:{self._server.server_port}/"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self._up = True

    def close(self):
        if self._up:
            self._up = False
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))
    return tmp_path / "images"


@pytest.fixture
def site(monkeypatch):
    site = Site(monkeypatch)
    yield site
    site.close()


def test_the_newest_stable_image_of_the_variant_is_fetched_once(site):
    first = fetch.fetch(VARIANT)
    assert (first.name, first.data, first.cached) == (NEWEST, IMAGE, False)
    second = fetch.fetch(VARIANT)
    assert (second.data, second.cached) == (IMAGE, True)
    assert site.asked == [PAGE, f"/resources/firmware/{NEWEST}", PAGE]


def test_without_the_internet_the_copy_is_used(site):
    fetch.fetch(VARIANT)
    site.close()
    again = fetch.fetch(VARIANT)
    assert (again.name, again.data, again.cached) == (NEWEST, IMAGE, True)


def test_without_the_internet_and_a_copy_the_error_says_what_to_do(site):
    site.close()
    with pytest.raises(UsageError, match=r"cannot be reached .* pass it with --image FILE") as no:
        fetch.fetch(VARIANT)
    assert no.value.exit_code == 2


def test_a_damaged_copy_is_fetched_again(site, cache):
    fetch.fetch(VARIANT)
    (cache / NEWEST).write_bytes(IMAGE[:-1])
    again = fetch.fetch(VARIANT)
    assert (again.data, again.cached) == (IMAGE, False)


def test_a_download_that_breaks_off_leaves_no_copy(site, cache):
    site.claimed_length[f"/resources/firmware/{NEWEST}"] = len(IMAGE) + 1
    with pytest.raises(MynahError, match="cannot be reached"):
        fetch.fetch(VARIANT)
    assert list(cache.iterdir()) == []


def test_a_page_without_a_usable_image(site):
    site.replies[PAGE] = b"/resources/firmware/ESP32_GENERIC_S3-SPIRAM_OCT-20250911-v1.26.1.bin"
    with pytest.raises(MynahError, match=r"no ESP32_GENERIC_S3-SPIRAM_OCT of version 1\.27"):
        fetch.fetch(VARIANT)


def test_the_port_is_looked_at_before_anything_is_fetched(site):
    kit = boards.load("bread-compact")
    with pytest.raises(PortError, match="there is no port /dev/no-such-port") as refused:
        flash_board(kit, "/dev/no-such-port")
    assert refused.value.exit_code == 3
    assert site.asked == []
    with VirtualBoard() as board, pytest.raises(ImageError, match=NEWEST):  # it is no image
        flash_board(kit, board.url)
    assert site.asked == [PAGE, f"/resources/firmware/{NEWEST}"]
