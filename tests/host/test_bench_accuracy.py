"""``mynah bench accuracy``: the decisions worked out again are the engines' own, and the counts."""

import importlib.util
import json
import shutil
import sys
import types

import numpy as np
import pytest
from click.testing import CliRunner

from mynah import audio_files, wake
from mynah.bench.accuracy import Recipe, engines, read_corpus, recipe, report
from mynah.bench.accuracy.decisions import REFRACTORY_S, board_rule, threshold_rule
from mynah.bench.accuracy.measure import Measurement, Point, missed_keywords
from mynah.cli.bench_accuracy import command
from mynah.errors import UsageError
from mynah.paths import AUDIO_DIR, FIRMWARE_DIR

OWN = json.loads((AUDIO_DIR / "manifest.json").read_text())["recordings"]
WORDS = ("alexa_1.flac", "alexa_2.flac", "alexa_3.flac", "alexa_4.flac")
SPEECH = ("negative_1.flac", "negative_2.flac", "okay_nabu_1.flac")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings of the project's own, with a manifest of the shared kind."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = [("file", "label", "text", "source", "licence")]
    rows += [(name, "keyword", "Alexa") for name in WORDS]
    rows += [("okay_nabu_2.flac", "keyword", "okay nabu")]
    rows += [(name, "speech", 'a "quote') for name in SPEECH]
    rows += [("tones.flac", "noise", "")]
    for name, *_ in rows[1:]:
        shutil.copy(AUDIO_DIR / name, folder)
    (folder / "manifest.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def detector():
    """The firmware's own Detector; all that it wants of MicroPython is `const`."""
    module = types.ModuleType("micropython")
    module.const = lambda value: value
    path = FIRMWARE_DIR / "speaker" / "wake" / "detector.py"
    spec = importlib.util.spec_from_file_location("firmware_detector", path)
    loaded = importlib.util.module_from_spec(spec)
    saved = sys.modules.get("micropython")
    sys.modules["micropython"] = module
    try:
        spec.loader.exec_module(loaded)
    finally:
        del sys.modules["micropython"]
        if saved is not None:
            sys.modules["micropython"] = saved
    return loaded.Detector


def fired_by(detector, outputs, stride):
    fired = []
    for row in range(len(outputs) * stride):
        fresh = row % stride == stride - 1
        if fresh:
            detector.add(int(outputs[row // stride]))
        detector.tick()
        if fresh and detector.fired():
            fired.append(row // stride)
            detector.reset()
    return fired


@pytest.mark.parametrize("seed", range(40))
def test_the_rule_is_the_firmwares(detector, seed):
    rng = np.random.default_rng(seed)
    # Phases in which it would fire all the time, never, and now and then.
    levels = np.repeat(rng.choice([0, 10, 200, 255], 30), rng.integers(1, 60, 30))
    outputs = np.clip(levels + rng.integers(-60, 61, len(levels)), 0, 255).astype(np.uint8)
    stride, window = int(rng.integers(1, 5)), int(rng.choice([1, 5, 7, 40, 255]))
    for cutoff in (0, 1, int(rng.integers(2, 254)), 229, 255):
        expected = fired_by(detector(cutoff, window), outputs, stride)
        assert board_rule(outputs, stride, cutoff, window).tolist() == expected
        if cutoff == 1 and window == 1:
            assert expected


@pytest.mark.parametrize("cutoff", [40, 150, 229, 247])
def test_one_pass_gives_the_engines_own_detections_at_every_cutoff(cutoff):
    sound = np.concatenate([audio_files.load(AUDIO_DIR / entry["file"]) for entry in OWN] * 2)
    own = wake.run(sound, "alexa", cutoff=cutoff, settle_s=0)
    engine = engines.make("mynah", "alexa")
    outputs = engine.run(sound)
    again = outputs.times_s[engine.detections(outputs, cutoff / 255)]
    assert np.round(again, 3).tolist() == [hit.time_s for hit in own.detections]
    assert len(again) >= 8


def test_pymicro_wakewords_means_and_first_decision_are_its_own():
    pymicro_wakeword = pytest.importorskip("pymicro_wakeword")
    sound = np.concatenate([audio_files.load(AUDIO_DIR / name) for name in WORDS])
    engine = engines.make("pymicro-wakeword", "alexa")
    outputs = engine.run(sound)
    whole = pymicro_wakeword.MicroWakeWord.from_builtin(pymicro_wakeword.Model.ALEXA)
    rows = list(pymicro_wakeword.MicroWakeWordFeatures().process_streaming(sound.tobytes()))
    said = [whole.process_streaming_prob(row) for row in rows][2::3]
    np.testing.assert_array_equal(engine.means(outputs), said)
    over = [value > whole.probability_cutoff for value in said]
    fired = engine.detections(outputs, engine.cutoff)
    assert fired[0] == over.index(True)
    assert np.all(np.diff(fired) * 0.03 >= REFRACTORY_S)


def test_both_engines_outputs_are_the_same():
    sound = np.concatenate([audio_files.load(AUDIO_DIR / name) for name in (*WORDS, *SPEECH)])
    ours = engines.make("mynah", "alexa").run(sound)
    theirs = engines.make("pymicro-wakeword", "alexa").run(sound)
    np.testing.assert_array_equal(ours.times_s, theirs.times_s)
    np.testing.assert_array_equal(ours.values, np.rint(theirs.values * 256))


def test_threshold_rule_ignores_for_two_seconds():
    scores = np.zeros(100)
    scores[[10, 11, 34, 35, 60]] = 0.9
    assert threshold_rule(scores, 0.08, 0.5).tolist() == [10, 35, 60]
    assert threshold_rule(scores, 0.08, 0.9).tolist() == []


def test_the_same_seed_gives_the_same_sound_and_another_one_another(folder):
    found = read_corpus(folder, "alexa")

    def sound(seed):
        parts = recipe.sections(found, Recipe((5.0,), 0.01, seed))
        return [(part.kind, part.samples.tobytes(), part.keywords) for part in parts]

    assert sound(1) == sound(1)
    assert sound(1) != sound(2)


def test_every_keyword_once_after_speech_and_at_its_ratio(folder):
    found = read_corpus(folder, "ALEXA")
    parts = list(recipe.sections(found, Recipe((10.0,), 0.02, 7)))
    assert [part.kind for part in parts] == ["clean", "10 dB", "speech", "noise"]
    clean, noisy, *negative = parts
    assert sorted(word.name for word in clean.keywords) == sorted(WORDS)
    assert clean.keywords == noisy.keywords
    last = round(recipe.LEAD_IN_S * 16000)
    for word in clean.keywords:
        assert 2 <= (word.first - last) / 16000 <= 4
        said = audio_files.load(folder / word.name)
        here = slice(word.first, word.end)
        np.testing.assert_array_equal(clean.samples[here], said)
        noise = noisy.samples[here].astype(float) - said
        ratio = 10 * np.log10(np.mean(said.astype(float) ** 2) / np.mean(noise**2))
        assert (
            4 < ratio < 16
        )  # the noise's level is that under word and gap, the word's its loud part
        last = word.end
    assert [round(part.seconds) for part in negative] == [36, 36]


def test_misses_and_false_accepts_are_counted():
    words = [
        recipe.Keyword(name, 16000 * at, 16000 * (at + 1)) for name, at in (("a", 1), ("b", 4))
    ]
    assert missed_keywords(words, np.array([1.5])) == ["b"]
    assert missed_keywords(words, np.array([2.7, 5.9])) == ["b"]
    assert missed_keywords(words, np.array([1.0, 2.8, 3.9])) == ["a", "b"]
    assert missed_keywords(words, np.array([2.0, 5.0])) == []


def test_the_whole_with_both_engines(folder, tmp_path):
    out, picture = tmp_path / "new.json", tmp_path / "new.png"
    arguments = [str(folder), "--model", "alexa", "--engine", "mynah,pymicro-wakeword"]
    arguments += ["--snr", "0", "--hours", "0.02", "--out", str(out)]
    runner = CliRunner()
    done = runner.invoke(command, [*arguments, "--plot", str(picture)], catch_exceptions=False)
    assert done.exit_code == 0
    data = json.loads(out.read_text())
    assert picture.read_bytes().startswith(b"\x89PNG")
    ours, theirs = data["engines"]
    for engine in (ours, theirs):
        point = engine["operating_point"]
        assert point["miss_rate"]["clean"] == 0
        assert point["missed"]["clean"] == []
        assert len(engine["curve"]) >= 255
        # A cutoff that nothing reaches misses all.
        assert engine["curve"][-1]["miss_rate"]["clean"] == 1
        assert engine["curve"][-1]["per_hour"] == 0
    assert ours["cutoff"] == 0.898
    assert theirs["cutoff"] == 0.9
    assert "false accepts" in done.stdout
    assert data["recordings"]["keyword"] == 4

    again = runner.invoke(command, [*arguments, "--compare", str(out)], catch_exceptions=False)
    assert "mynah: the same decisions" in again.stdout
    assert json.loads(out.read_text()) == data
    ours["operating_point"]["missed"]["clean"] = ["alexa_1.flac"]
    ours["operating_point"]["false_accepts"]["speech"] = 9
    lines = report.differences(data, json.loads(out.read_text()))
    assert "mynah, clean: newly heard alexa_1.flac" in lines
    assert any("false accepts 9 speech" in line for line in lines)


def test_ctrl_c_leaves_no_file(folder, tmp_path, monkeypatch):
    out = tmp_path / "new.json"

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engines.MynahEngine, "run", interrupted)
    arguments = [str(folder), "--model", "alexa", "--hours", "0.01", "--out", str(out)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_at_most_takes_the_lowest_cutoff_from_which_on_it_keeps_below():
    counts = {0.1: 40, 0.2: 2, 0.3: 5, 0.4: 2, 0.5: 1, 0.6: 0}
    points = tuple(Point(cutoff, {"clean": ()}, {"speech": n}, 0) for cutoff, n in counts.items())
    measured = Measurement("x", {}, 0.5, 4, {"speech": 2.0}, points)
    assert measured.per_hour(measured.operating_point) == 0.5
    curve = [{"cutoff": point.cutoff, "per_hour": measured.per_hour(point)} for point in points]
    for level, cutoff in ((1.0, 0.4), (0.0, 0.6), (100, 0.1)):
        assert report.at_most({"curve": curve}, level)["cutoff"] == cutoff
    assert report.at_most({"curve": curve}, -1) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no manifest.tsv or manifest.csv"),
        ("", "columns file and label"),
        ("name,kind\na,b\n", "columns file and label"),
        ("file,label\nnone.wav,keyword\n", "none.wav, which is not there"),
        ("file,label\nnone.wav,music\n", "'music'; known are keyword, speech, noise"),
        ("file,label,text\n{word},keyword,computer\n", "it has computer"),
        ("file,label,text\n{word},keyword,alexa\n", "no speech"),
    ],
)
def test_a_manifest_that_will_not_do_is_refused(tmp_path, text, words):
    shutil.copy(AUDIO_DIR / WORDS[0], tmp_path)
    if text is not None:
        (tmp_path / "manifest.csv").write_text(text.format(word=WORDS[0]))
    with pytest.raises(UsageError, match=words):
        read_corpus(tmp_path, "alexa")


def test_a_plain_manifest_needs_two_columns(tmp_path):
    for name in (WORDS[0], SPEECH[0]):
        shutil.copy(AUDIO_DIR / name, tmp_path)
    rows = f"file,label\n{WORDS[0]},keyword\n{SPEECH[0]},speech\n"
    (tmp_path / "manifest.csv").write_text(rows)
    found = read_corpus(tmp_path, "anything")
    assert (found.keywords, found.speech, found.noise) == ((WORDS[0],), (SPEECH[0],), ())
    with pytest.raises(UsageError, match="no noise to mix"):
        list(recipe.sections(found, Recipe()))
    assert {part.kind for part in recipe.sections(found, Recipe((), 0.001))} == {"clean", "speech"}


def test_engines_that_are_not_there_are_told():
    with pytest.raises(UsageError, match="there are mynah, pymicro-wakeword, pyopen-wakeword"):
        engines.make("snowboy", "alexa")
    if importlib.util.find_spec("pyopen_wakeword") is None:
        with pytest.raises(UsageError, match="pip install pyopen-wakeword"):
            engines.make("pyopen-wakeword", "alexa")
