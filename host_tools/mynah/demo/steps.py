"""The demo's steps: each does one thing to the board for real and fills in what it measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mynah.audio_files import RATE_HZ
from mynah.demo.sound import word_end_s
from mynah.demo.trace import Trace, draw
from mynah.errors import BoardError, VerificationError
from mynah.flash.job import flash_board
from mynah.miio import pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.audio_files import Samples
    from mynah.demo.stage import Stage

Figures = dict[str, Any]

SSID = "home"
_CHIME_S = 0.8
_LISTEN_S = 0.8
_DRAIN_S = 0.3  # what lies in the DMA ring still comes out of the speaker
_SILENCE_DBFS = -99.0
_AUDIBLE_DBFS = -50.0
_QUIET, _LOUD = 30, 90
_COLOUR = (0, 80, 255)


def start(stage: Stage, figures: Figures) -> None:
    """Power up a virtual board whose flash is blank."""
    board = stage.start_board()
    figures["serial port"] = board.url
    figures["address"] = board.address
    figures["mac"] = board.mac


def write_flash(stage: Stage, figures: Figures) -> None:
    """Flash it with unmodified esptool over its serial port, one write, verified."""
    written = flash_board(
        stage.board_file,
        stage.board.url,
        models=[stage.model],
        progress=lambda share: stage.listener.progress("flashing", share),
    )
    figures["chip"] = written.chip
    figures["image"] = f"MicroPython {written.micropython}"
    figures["files"] = written.n_files
    figures["bytes"] = written.written_bytes
    figures["verified by"] = written.verified_by


def boot(stage: Stage, figures: Figures) -> None:
    """Boot what is in the flash and read its log."""
    console = stage.open_console()
    console.reset_board()
    reset_at, _ = console.expect_line(r"ESP-ROM:", 5)
    heap = console.expect(r" app: heap used (\d+)", 15)
    ready_at, _ = console.expect_line(r" app: ready", 15)
    figures["from reset to ready"] = f"{ready_at - reset_at:.2f} s"
    figures["heap in use"] = f"{int(heap[1]) / 1024:.0f} KB"


def pairing(stage: Stage, figures: Figures) -> None:
    """Pair it: a wrong password first, reported as such; then the right one."""
    board = stage.board
    shown = board.world.wifi.access_point
    if shown is None:
        raise VerificationError("an unprovisioned board must open its set-up network; it has not")
    figures["set-up network"] = shown.ssid
    board.world.wifi.add(SSID, stage.password)
    try:
        pair(board.ap_address, SSID, "not-" + stage.password)
    except BoardError as error:
        if "wrong password" not in str(error):
            raise
        figures["wrong password"] = "reported as such"
    else:
        raise VerificationError("the board took a wrong Wi-Fi password")
    if board.world.wifi.access_point is None:
        raise VerificationError("after a wrong password the set-up network must be open again")
    paired = pair(board.ap_address, SSID, stage.password)
    info = stage.open_client(paired.address, paired.token).info()
    figures["joined"] = info["ap"]["ssid"]
    figures["model"] = info["model"]
    log = stage.log_text()
    if stage.password in log or paired.token.hex() in log:
        raise VerificationError("a secret stands in the board's log")
    figures["secrets in the log"] = 0


def listen(stage: Stage, figures: Figures) -> None:
    """Play the recording into the microphone; the wake word is heard, shown and answered."""
    world = stage.board.world
    stage.console.skip()
    with world.speaker.record() as recording:
        playback = world.mic.play(stage.sound.samples, RATE_HZ)
        trace = Trace(stage.console, stage.history, stage.sound, playback, world.mic)
        heard_at, match = trace.until_heard()
        lit = stage.wait_until(lambda: any(map(any, stage.led_colours())))
        time.sleep(_CHIME_S)
        answer = recording.stop()
    stage.save_sound("chime.wav", answer, recording.rate)
    stage.wake = trace.finish(heard_at, int(match[3]))
    stage.word_end_s = end_s = word_end_s(stage.sound, stage.wake.sample_s)
    figures["recording"] = f"{stage.sound.name}, {stage.sound.seconds:.1f} s"
    figures["heard"] = match[1]
    figures["probability"] = round(int(match[2]) / 255, 3)
    figures["detected at, in the sound"] = f"{stage.wake.sample_s:.2f} s"
    figures["word ends at"] = f"{end_s:.2f} s"
    figures["from its end to the log line"] = f"{round((stage.wake.logged_s - end_s) * 1000)} ms"
    if not lit:
        raise VerificationError("the wake word was heard, but the LED did not show it")
    figures["led"] = "lit"
    level = level_dbfs(answer, recording.rate)
    if level < _AUDIBLE_DBFS:
        raise VerificationError("the wake word was heard, but no chime came out of the speaker")
    figures["chime"] = f"{level:.1f} dBFS"


def obey(stage: Stage, figures: Figures) -> None:
    """Read and set properties and call actions over miIO; the board visibly does them."""
    _volume(stage, figures)
    _mute_speaker(stage, figures)
    _mute_microphone(stage, figures)
    _light(stage, figures)
    _play_and_stop(stage, figures)


def _volume(stage: Stage, figures: Figures) -> None:
    levels = {}
    for volume in (_QUIET, _LOUD):
        stage.client.set("speaker.volume", volume)
        if stage.client.get("speaker.volume") != volume:
            raise VerificationError(f"the volume was set to {volume} but does not read back")
        levels[volume] = _played(stage, f"volume-{volume}.wav")
        figures[f"volume {volume}"] = f"{levels[volume]:.1f} dBFS"
    if levels[_LOUD] < levels[_QUIET] + 6:
        raise VerificationError("a higher volume did not come out louder")


def _mute_speaker(stage: Stage, figures: Figures) -> None:
    stage.client.set("speaker.mute", value=True)
    level = _played(stage)
    stage.client.set("speaker.mute", value=False)
    if level > _SILENCE_DBFS:
        raise VerificationError(f"the muted speaker plays at {level:.1f} dBFS")
    figures["muted speaker"] = "silent"


def _mute_microphone(stage: Stage, figures: Figures) -> None:
    """Play the wake word again to a muted microphone: nothing may be heard."""
    word = stage.around_the_word()
    stage.client.set("microphone.mute", value=True)
    before = stage.times_heard()
    stage.board.world.mic.play(word, RATE_HZ).wait(len(word) / RATE_HZ + 2)
    time.sleep(_LISTEN_S)
    deaf = stage.times_heard() == before
    stage.client.set("microphone.mute", value=False)
    if not deaf:
        raise VerificationError("the muted microphone heard the wake word")
    figures["muted microphone"] = "hears nothing"


def _light(stage: Stage, figures: Figures) -> None:
    red, green, blue = _COLOUR
    stage.client.set("indicator-light.color", red << 16 | green << 8 | blue)
    stage.client.set("indicator-light.brightness", 100)
    stage.client.set("indicator-light.on", value=True)
    lit = stage.wait_until(
        lambda: any(_same_hue(colour, _COLOUR) for colour in stage.led_colours())
    )
    if not lit:
        raise VerificationError(f"the LED was set to {_COLOUR} but shows {stage.led_colours()}")
    figures["led"] = f"shows rgb{_COLOUR}"
    stage.client.set("indicator-light.on", value=False)


def _play_and_stop(stage: Stage, figures: Figures) -> None:
    client = stage.client
    client.action("play-control.play")
    if not stage.wait_until(lambda: client.get("play-control.playing-state") == 1):
        raise VerificationError("play was accepted, but the board does not say that it plays")
    client.action("play-control.stop")
    if not stage.wait_until(lambda: client.get("play-control.playing-state") == 0):
        raise VerificationError("stop was accepted, but the board still plays")
    time.sleep(_DRAIN_S)
    with stage.board.world.speaker.record() as recording:
        time.sleep(_LISTEN_S)
        after = recording.stop()
    if level_dbfs(after, recording.rate) > _SILENCE_DBFS:
        raise VerificationError("stop was accepted, but sound still comes out of the speaker")
    figures["play, stop"] = "done"


def _played(stage: Stage, name: str | None = None) -> float:
    """Loudness of the melody that ``play`` starts, in dBFS; saved under ``name``."""
    with stage.board.world.speaker.record() as recording:
        stage.client.action("play-control.play")
        time.sleep(_LISTEN_S)
        sound = recording.stop()
    stage.client.action("play-control.stop")
    if name:
        stage.save_sound(name, sound, recording.rate)
    time.sleep(_DRAIN_S)
    return level_dbfs(sound, recording.rate)


def _same_hue(shown: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return sum(shown) > 0 and shown.index(max(shown)) == wanted.index(max(wanted))


def report(stage: Stage, figures: Figures) -> None:
    """Draw the picture and name the files that stay."""
    picture = stage.out / "wake.png"
    draw(picture, stage.sound, stage.model, stage.wake, stage.word_end_s)
    stage.files["picture"] = picture
    stage.files["log"] = stage.log_path
    figures["log lines"] = len(stage.console.lines)


def level_dbfs(samples: Samples, rate_hz: int) -> float:
    """Loudness of 16-bit samples: RMS of the loudest 100 ms, in dB of full scale (-99: silence)."""
    frame = rate_hz // 10
    n_frames = len(samples) // frame if frame else 0
    if n_frames == 0:
        return _SILENCE_DBFS
    frames = samples[: n_frames * frame].astype(np.float64).reshape(n_frames, frame)
    rms = float(np.sqrt((frames**2).mean(axis=1)).max())
    return max(_SILENCE_DBFS, 20 * float(np.log10(max(rms, 1e-4) / 32768)))


STEPS: tuple[tuple[str, str, Callable[[Stage, Figures], None]], ...] = (
    ("start", "Start a virtual board", start),
    ("flash", "Flash it with esptool", write_flash),
    ("boot", "Boot the firmware from that flash", boot),
    ("pair", "Pair it with the Wi-Fi", pairing),
    ("listen", "Play a recording into its microphone", listen),
    ("obey", "Command it over miIO", obey),
    ("report", "Report", report),
)
"""Name, title and function of each step, in the order in which they are shown."""
