"""`mynah bench logs`: every line is counted, whoever shows it."""

import sys

import pytest

from mynah.bench.logs import Figure, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_all_links_bring_every_line_to_both_kinds_of_program(tmp_path, monkeypatch):
    pytest.importorskip("esp_idf_monitor")
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    told = []
    programs = ["mynah logs, broker", "esp-idf-monitor"]
    figures = measure(0.3, programs=programs, on_figure=told.append)
    assert figures == told
    names = ("board, 2 Mbaud", "device, 2 Mbaud", "device, USB")
    assert [figure.link for figure in figures] == [name for name in names for _ in programs]
    for figure in figures:
        assert (figure.n_sent, figure.n_lost) == (1000, 0)
        assert figure.seconds > 0


def test_what_is_derived():
    figure = Figure("USB", "x", n_sent=1000, n_received=500, n_bytes=30_000, seconds=2, cpu_s=0.3)
    assert (figure.n_lost, figure.lines_per_s) == (500, 250)
    assert figure.cpu_s_per_mb == pytest.approx(10)
