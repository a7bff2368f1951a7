"""``machine`` and ``neopixel`` on the virtual board, seen from the program and from the world."""

import pytest


def test_pins_out(shared_micropython):
    shared_micropython.run(
        "from machine import Pin\nled = Pin(4, Pin.OUT, value=1)\nassert led() == 1\n"
        "assert Pin(4) is led and repr(led) == 'Pin(4)'\nled.toggle()"
    )
    assert shared_micropython.world.pins[4] == 0
    shared_micropython.run("led.on()")
    assert shared_micropython.world.pins[4] == 1


@pytest.mark.parametrize("number", [22, 25, 26, 33, 37, 49, -1, "'D1'", None])
def test_pins_that_an_octal_s3_does_not_have(shared_micropython, number):
    shared_micropython.run(
        f"from machine import Pin\ntry:\n  Pin({number})\nexcept ValueError as e:\n"
        "  assert str(e) == 'invalid pin'\nelse:\n  raise Exception('no error')"
    )


def test_a_button_interrupts_also_while_the_program_sleeps(shared_micropython):
    shared_micropython.start(
        "from machine import Pin\nimport asyncio\n"
        "b = Pin(0, Pin.IN, Pin.PULL_UP); seen = []\n"
        "b.irq(lambda pin: seen.append(pin.value()), Pin.IRQ_FALLING | Pin.IRQ_RISING)\n"
        "async def main():\n  while len(seen) < 2: await asyncio.sleep_ms(20)\n"
        "print('waits'); asyncio.run(main()); b.irq(None); print(b.value(), seen)"
    )
    shared_micropython.console.expect(b"waits")
    shared_micropython.world.buttons.press(0, 0.05)
    assert shared_micropython.result() == ("\n1 [0, 1]\n", "")


def test_an_exception_in_a_handler_is_printed_and_the_program_goes_on(shared_micropython):
    shared_micropython.start(
        "from machine import Timer\nimport time\n"
        "t = Timer(1, mode=Timer.ONE_SHOT, period=10, callback=lambda t: 1 / 0)\n"
        "time.sleep(0.2); print('on')"
    )
    printed, traceback = shared_micropython.result()
    assert "ZeroDivisionError: divide by zero\non\n" in printed
    assert 'File "//' not in printed
    assert traceback == ""


def test_timers(shared_micropython):
    ticks = shared_micropython.value(
        "(len(ticks), once)",
        "from machine import Timer\nimport time\nticks = []; once = []\n"
        "a = Timer(0, period=20, callback=lambda t: ticks.append(1))\n"
        "b = Timer(-1, mode=Timer.ONE_SHOT, period=20, callback=lambda t: once.append(t is b))\n"
        "while len(ticks) < 5: time.sleep_ms(5)\n"
        "a.deinit(); n = len(ticks); time.sleep(0.1); assert len(ticks) == n",
    )
    assert ticks == (5, [True])
    with pytest.raises(AssertionError, match="there are only 4 hardware timers"):
        shared_micropython.run("Timer(4)")


def test_neopixels_light_up(shared_micropython):
    seen = []
    shared_micropython.world.on_led(lambda pin, colours: seen.append((pin, colours)))
    shared_micropython.run(
        "from machine import Pin\nfrom neopixel import NeoPixel\n"
        "n = NeoPixel(Pin(48), 2); n[0] = (1, 2, 3); n[1] = (255, 0, 7); n.write()\n"
        "assert n[1] == (255, 0, 7) and len(n) == 2"
    )
    assert shared_micropython.world.leds[48] == [(1, 2, 3), (255, 0, 7)]
    assert seen == [(48, [(1, 2, 3), (255, 0, 7)])]


def test_apa102_light_up(shared_micropython):
    shared_micropython.run(
        "from machine import Pin, SoftSPI\n"
        "spi = SoftSPI(sck=Pin(39), mosi=Pin(38), miso=Pin(21))\n"
        "spi.write(b'\\0\\0\\0\\0\\xff\\x03\\x02\\x01\\xff\\xff\\xff\\xff')"
    )
    assert shared_micropython.world.leds[38] == [(1, 2, 3)]


def test_pwm(shared_micropython):
    shared_micropython.run(
        "from machine import Pin, PWM\np = PWM(Pin(5), freq=1000, duty_u16=32768)\n"
        "assert p.freq() == 1000 and p.duty() == 512 and p.duty_ns() == 500007"
    )
    assert shared_micropython.world.pins.pwm[5] == (1000, 32768)
    shared_micropython.run("p.deinit()")
    assert 5 not in shared_micropython.world.pins.pwm


def test_i2c(shared_micropython):
    class Memory:
        def __init__(self):
            self.cells = bytearray(256)
            self.at = 0

        def write(self, data):
            self.at = data[0]
            self.cells[self.at : self.at + len(data) - 1] = data[1:]

        def read(self, n):
            return bytes(self.cells[self.at : self.at + n])

    shared_micropython.world.i2c.attach(8, 0x50, Memory())
    shared_micropython.run(
        "from machine import I2C, SoftI2C, Pin\ni = I2C(0, scl=Pin(9), sda=Pin(8))\n"
        "assert i.scan() == [0x50]\ni.writeto_mem(0x50, 3, b'abc')\n"
        "assert i.readfrom_mem(0x50, 4, 2) == b'bc'\n"
        "b = bytearray(3); i.readfrom_mem_into(0x50, 3, b); assert b == b'abc'\n"
        "try:\n  i.readfrom(0x51, 1)\nexcept OSError as e:\n  assert e.errno == 19\n"
        "else:\n  raise Exception('no error')\n"
        "assert SoftI2C(scl=Pin(1), sda=Pin(2)).scan() == []"
    )


def test_identity_and_frequency(shared_micropython):
    mac = shared_micropython.value("machine.unique_id()", "import machine")
    assert mac.hex(":") == shared_micropython.board.mac
    assert shared_micropython.value("machine.freq()") == 240_000_000
    with pytest.raises(AssertionError, match="frequency must be"):
        shared_micropython.run("machine.freq(100)")


def test_time(shared_micropython):
    shared_micropython.run(
        "import time, machine\n"
        "assert time.gmtime(0)[:6] == (2000, 1, 1, 0, 0, 0) and len(time.localtime()) == 8\n"
        "assert time.mktime((2024, 2, 29, 12, 0, 0, 0, 0)) == 762523200\n"
        "assert 0 <= time.time() < 60 and isinstance(time.time(), int)\n"
        "assert time.ticks_diff(time.ticks_add(0, -1), 0) == -1\n"
        "assert time.ticks_add(0, -1) == 2**30 - 1\n"
        "assert 0 < time.ticks_ms() < 60000 and time.ticks_us() > time.ticks_ms()\n"
        "r = machine.RTC(); r.datetime((2030, 5, 6, 0, 7, 8, 9, 0))\n"
        "assert time.gmtime()[:6] == (2030, 5, 6, 7, 8, 9)\n"
        "assert r.datetime()[:4] == (2030, 5, 6, 0)\n"
        "r.memory(b'kept')"
    )


def test_clock_and_memory_live_through_a_software_reset_only(micropython):
    micropython.run(
        "import machine\nr = machine.RTC(); r.memory(b'kept')\n"
        "r.datetime((2030, 5, 6, 0, 7, 8, 9, 0))"
    )
    micropython.start("machine.reset()")
    micropython.console.expect(b">>> ")
    state = "(machine.reset_cause(), r.memory(), time.gmtime()[0])"
    setup = "import machine, time\nr = machine.RTC()"
    assert micropython.value(state, setup) == (2, b"kept", 2030)
    micropython.restart()
    assert micropython.value(state, setup) == (1, b"", 2000)


def test_watchdog_and_deep_sleep_reset_with_their_cause(micropython):
    micropython.start("import machine, time\nw = machine.WDT(timeout=300)\nw.feed()\ntime.sleep(9)")
    micropython.console.expect(b"task_wdt: Task watchdog got triggered")
    micropython.console.expect(b">>> ")
    assert micropython.value("machine.reset_cause()", "import machine") == 3
    micropython.start("import machine\nmachine.deepsleep(100)")
    micropython.console.expect(b">>> ")
    state = "(machine.reset_cause(), machine.wake_reason() == machine.TIMER_WAKE)"
    assert micropython.value(state, "import machine") == (4, True)
