"""The sound path: ring, slots to samples, tones, volume; nothing allocated while it runs."""

import array
import asyncio
import math

import micropython
from fakes.i2s import FakeI2S

from speaker.audio import microphone, player, tones
from speaker.audio.ring import FrameRing
from speaker.audio.volume import gain_q15
from speaker.kernels import pcm, pcm_python

N = 320


def slots_of(values):
    """Signed 32-bit values as the halfwords that I2S delivers."""
    out = array.array("H", bytes(4 * len(values)))
    for i, value in enumerate(values):
        out[2 * i] = value & 0xFFFF
        out[2 * i + 1] = (value >> 16) & 0xFFFF
    return out


def test_ring_is_first_in_first_out_and_drops_the_newest():
    ring = FrameRing(4, 2)
    assert ring.front() is None
    for n in range(6):
        frame = ring.claim()
        if frame is not None:
            frame[0] = n
            ring.commit()
    assert ring.dropped == 2
    seen = []
    while ring.front() is not None:
        seen.append(ring.front()[0])
        ring.release()
    assert seen == [0, 1, 2, 3]
    for n in range(100):  # round and round
        ring.claim()[0] = n
        ring.commit()
        assert ring.front()[0] == n
        ring.release()
    assert ring.dropped == 2


def test_slots_become_samples():
    edges = [0, 1, -1, 32767, -32768, 12345, -12345]
    for shift in range(8, 17):
        values = [v * 65536 + low for v in edges for low in (0, 255, 32768, 65535)]
        values = [v for v in values if -(2**31) <= v < 2**31]
        want = [max(-32768, min(32767, v >> shift)) for v in values]
        for backend in (pcm, pcm_python):
            out = array.array("h", bytes(2 * len(values)))
            backend.samples_from_slots(slots_of(values), len(values), out, shift)
            assert list(out) == want, (shift, backend)


def test_tone_backends_agree():
    sine = tones._sine()
    for phase, step, gain, gain_step in ((0, 1802, 0, 26000), (65535, 40000, 1 << 23, -26000)):
        a = array.array("h", bytes(2 * N))
        b = array.array("h", bytes(2 * N))
        end_a = pcm.tone(a, N, sine, phase, step, gain, gain_step)
        end_b = pcm_python.tone(b, N, sine, phase, step, gain, gain_step)
        assert a == b and end_a == end_b


def test_volume_law():
    gains = [gain_q15(volume) for volume in range(101)]
    assert gains[0] == 0 and gains[100] == 32767 and gains[1] > 0
    assert all(low < high for low, high in zip(gains, gains[1:]))
    for volume in (100, 80, 60, 40):  # 20 steps are 10 dB
        assert abs(20 * math.log10(gains[volume] / gains[volume - 20]) - 10) < 0.05


def rendered(voice, volume_q15, chunks):
    out = array.array("h")
    chunk = array.array("h", bytes(2 * 160))
    for _ in range(chunks):
        voice.render(chunk, volume_q15)
        out.extend(chunk)
    return out


def crossings(samples):
    return sum([1 for a, b in zip(samples, samples[1:]) if a < 0 <= b])


def test_a_note_has_its_pitch_and_no_click():
    voice = tones.Voice(16000, 160)
    voice.start(((880, 100),))
    samples = rendered(voice, 32767, 101)
    assert abs(crossings(samples[:16000]) - 880) <= 1
    assert samples[0] == 0 and max(samples) > 20000
    # 880 Hz at full scale moves at most 32767 * 2 * pi * 880 / 16000 a sample.
    assert max([abs(b - a) for a, b in zip(samples, samples[1:])]) < 11500
    assert not voice.active()
    assert max(rendered(voice, 32767, 1)) == 0


def test_stop_fades_within_a_chunk():
    voice = tones.Voice(16000, 160)
    voice.start(tones.MELODY)
    loud = rendered(voice, 32767, 5)
    assert max(loud) > 10000
    voice.stop()
    assert voice.active()
    tail = rendered(voice, 32767, 1)
    assert max(tail) > 0 and abs(tail[-1]) < 400
    assert not voice.active()


class Flag:
    def __init__(self):
        self.sets = 0

    def set(self):
        self.sets += 1


def test_nothing_is_allocated():
    ring = FrameRing(4, N)
    i2s = FakeI2S()
    mic = microphone.Microphone(lambda: i2s, Flag(), ring, Flag(), 16, 300)
    mic._start()
    voice = tones.Voice(16000, 160)
    voice.start(tones.MELODY)
    chunk = array.array("h", bytes(2 * 160))
    mic.take()
    ring.front()
    ring.release()
    micropython.heap_lock()
    try:
        for n in range(200):
            mic.take()
            mic._filled()
            if n % 2:
                ring.front()
                ring.release()
            mic.muted = n > 100
            voice.render(chunk, 20000)
    finally:
        micropython.heap_unlock()
    assert ring.dropped > 0


def run(*coroutines, ms):
    """Run tasks for a while, then cancel them."""

    async def main():
        tasks = [asyncio.create_task(c) for c in coroutines]
        await asyncio.sleep_ms(ms)
        for task in tasks:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

    asyncio.run(main())
    asyncio.new_event_loop()


def test_microphone_fills_the_ring_even_when_interrupts_are_lost():
    for lost in (0, 3, 1):  # none, every third, every one
        ring = FrameRing(64, N)
        i2s = FakeI2S(lose_every=lost)
        flag = asyncio.ThreadSafeFlag()
        mic = microphone.Microphone(lambda: i2s, flag, ring, Flag(), 16, 300)

        async def poke():
            while True:
                await asyncio.sleep_ms(5)
                flag.set()

        run(mic.run(), i2s.dma(N, 2), poke(), ms=120)
        assert ring.front() is not None
        expected = 0
        while ring.front() is not None:
            frame = ring.front()
            assert frame[0] == expected and frame[N - 1] == expected + N - 1, (lost, expected)
            expected = (expected + N) % 16384
            ring.release()
        assert expected > 0 and mic.restarts == 0


def test_a_dead_microphone_is_restarted_and_what_it_heard_is_forgotten():
    made = []

    def open_i2s():
        made.append(FakeI2S())
        return made[-1]

    flag = asyncio.ThreadSafeFlag()
    mic = microphone.Microphone(open_i2s, flag, FrameRing(4, N), Flag(), 16, 300)
    told = []
    mic.on_restart = lambda: told.append(len(made))

    async def poke():
        while True:
            await asyncio.sleep_ms(20)
            flag.set()

    run(mic.run(), poke(), ms=1600)
    assert told == [2]
    assert mic.restarts == 1 and len(made) == 2 and made[0].closed


def make_player(i2s, flag):
    states = []
    p = player.Player(i2s, 16000, flag, None, states.append)
    p.set_volume(100, False)
    return p, states


def test_player_plays_pauses_goes_on_and_stops():
    flag = asyncio.ThreadSafeFlag()
    i2s = FakeI2S()
    p, states = make_player(i2s, flag)

    async def use():
        await asyncio.sleep_ms(5)
        p.play(((440, 20), (880, 2000)))
        await asyncio.sleep_ms(60)
        p.pause()
        await asyncio.sleep_ms(20)
        n = len(i2s.written)
        await asyncio.sleep_ms(30)
        assert len(i2s.written) == n  # paused: nothing goes out
        p.play(())
        await asyncio.sleep_ms(40)
        assert len(i2s.written) > n
        p.stop()
        await asyncio.sleep_ms(20)
        n = len(i2s.written)
        await asyncio.sleep_ms(20)
        assert len(i2s.written) == n

    run(p.run(), i2s.dma(160, 1), use(), ms=350)
    assert states[:3] == [player.PLAYING, player.PAUSED, player.PLAYING]
    assert states[3:] and set(states[3:]) == {player.STOPPED}
    assert max(i2s.written) > 10000 and abs(i2s.written[-1]) < 400


def test_chime_comes_first_and_the_melody_goes_on():
    flag = asyncio.ThreadSafeFlag()
    i2s = FakeI2S()
    p, states = make_player(i2s, flag)

    async def use():
        p.play(((440, 30),))
        p.chime(((2000, 10),))
        await asyncio.sleep_ms(200)

    run(p.run(), i2s.dma(160, 1), use(), ms=250)
    chime = i2s.written[: 160 * 10]
    melody = i2s.written[160 * 12 : 160 * 32]
    assert abs(crossings(chime) - 200) <= 2
    assert abs(crossings(melody) - 88) <= 3
    assert states[-1] == player.STOPPED


def test_volume_and_mute_are_heard():
    flag = asyncio.ThreadSafeFlag()
    i2s = FakeI2S()
    p, _ = make_player(i2s, flag)
    peaks = []

    async def use():
        for volume, muted in ((100, False), (60, False), (100, True)):
            p.set_volume(volume, muted)
            p.play(((440, 8),))
            del i2s.written[:]
            await asyncio.sleep_ms(260)
            peaks.append(max(i2s.written))

    run(p.run(), i2s.dma(160, 1), use(), ms=900)
    assert peaks[2] == 0
    assert 8 < peaks[0] / peaks[1] < 12  # 40 steps: 20 dB
