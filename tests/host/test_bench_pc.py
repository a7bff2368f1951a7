"""``mynah bench pc``: both engines are timed on the same sound."""

import json

from click.testing import CliRunner

from mynah.bench import pc
from mynah.cli.bench_pc import command


def test_both_engines_hear_ten_seconds_and_the_ratio_is_that_of_the_medians():
    done = CliRunner().invoke(command, ["--model", "alexa", "--takes", "3", "--json"])
    data = json.loads(done.stdout)
    assert len(data["mynah_s"]) == len(data["pymicro_wakeword_s"]) == 3
    ratio = sorted(data["mynah_s"])[1] / sorted(data["pymicro_wakeword_s"])[1]
    assert abs(data["ratio"] - ratio) < 0.001
    assert len(pc.ten_seconds()) == 160_000


def test_words():
    done = CliRunner().invoke(command, ["--takes", "1"])
    assert done.exit_code == 0
    assert "pymicro-wakeword" in done.stdout
    assert "ratio" in done.stdout
