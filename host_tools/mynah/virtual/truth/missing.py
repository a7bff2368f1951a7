"""What no virtual board has, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a real board has."""

    what: str
    instead: str
    """What happens instead."""
    names: tuple[str, ...] = ()
    """Of modules and their parts, that a program does not find."""


MISSING: tuple[Missing, ...] = (
    Missing(
        "the time that code takes", "code runs at this computer's speed, or in no time (--fast)"
    ),
    Missing("the time that flash takes", "programs and erases are done at once"),
    Missing("the time that the serial port takes", "any rate is as fast as the computer allows"),
    Missing("internal RAM beside PSRAM", "one heap; objects are as large as a 64-bit computer's"),
    Missing("DMA-capable memory, and its lack", "I2S and Wi-Fi never run out of memory"),
    Missing("the second core, FreeRTOS tasks", "drivers run beside the program, as if on core 0"),
    Missing("threads", "_thread starts one function as a callback, for what blocks in the radio"),
    Missing("32-bit small integers and single floats", "those of a 64-bit computer"),
    Missing(
        "xtensawin machine code", "viper and native code run as x64; qemu-xtensa has the other"
    ),
    Missing("hard interrupts", "callbacks run between two byte codes, as soft ones do"),
    Missing("ROM code and RAM content", "read as 0; load-ram runs nothing"),
    Missing("boot loaders as code", "their checks and words are modelled, not their machine code"),
    Missing(
        "OTA rollback by the boot loader", "a slot that is pending verification is just booted"
    ),
    Missing("secure boot, flash encryption, writing eFuses", "read as not used; no espefuse"),
    Missing("native USB (USB-Serial-JTAG, OTG)", "one UART behind a two-transistor reset circuit"),
    Missing("voltage, brown-outs, temperature, current", "power is on or off; 40 degrees"),
    Missing(
        "machine.UART",
        "AttributeError; the console is sys.stdin and sys.stdout",
        ("machine.UART",),
    ),
    Missing(
        "ADC, DAC, touch, SD card, CAN, I2C target, counters",
        "AttributeError",
        (
            "machine.ADC",
            "machine.ADCBlock",
            "machine.DAC",
            "machine.TouchPad",
            "machine.SDCard",
            "machine.CAN",
            "machine.I2CTarget",
            "machine.Counter",
            "machine.Encoder",
        ),
    ),
    Missing(
        "RMT, PCNT, ULP, wake-up by pins",
        "AttributeError",
        ("esp32.RMT", "esp32.PCNT", "esp32.ULP", "esp32.wake_on_ext0", "esp32.idf_task_info"),
    ),
    Missing("Ethernet, PPP", "AttributeError", ("network.LAN", "network.PPP")),
    Missing(
        "Bluetooth, ESP-NOW, WebREPL, ntptime, 1-Wire, DHT, btree, esp",
        "ImportError",
        ("bluetooth", "espnow", "webrepl", "ntptime", "onewire", "dht", "btree", "esp"),
    ),
    Missing("mbedTLS of the chip", "ssl is the unix port's"),
    Missing("IPv6", "sockets are IPv4"),
    Missing("radio waves", "networks have a strength; nothing is lost, or late, by itself"),
    Missing("the internet, from the board", "it reaches this computer's loopback interface only"),
    Missing("room, loudspeaker and microphone", "samples go in and come out as they are"),
    Missing("I2C devices", "those that are attached (world.i2c); SPI: bytes out, zeros in"),
)
