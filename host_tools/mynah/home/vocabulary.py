"""Words of MIoT spec v2's public vocabulary, and the roles that they have here.

Source: the type lists of https://miot-spec.org/miot-spec-v2/spec/devices, .../services and
.../properties (names only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES = (
    "lamp",
    "plug",
    "fan",
    "air-conditioner",
    "thermostat",
    "curtain",
    "sensor",
    "lock",
)
"""The types of devices that the speaker tells apart."""

TYPE_OF_DEVICE = {
    "light": "lamp",
    "outlet": "plug",
    "switch": "plug",
    "power-strip": "plug",
    "remote-switch": "plug",
    "fan": "fan",
    "ceiling-fan": "fan",
    "hood": "fan",
    "air-purifier": "fan",
    "air-fresh": "fan",
    "humidifier": "fan",
    "dehumidifier": "fan",
    "air-conditioner": "air-conditioner",
    "air-condition-outlet": "air-conditioner",
    "thermostat": "thermostat",
    "heater": "thermostat",
    "bath-heater": "thermostat",
    "water-heater": "thermostat",
    "curtain": "curtain",
    "window-opener": "curtain",
    "airer": "curtain",
    "temperature-humidity-sensor": "sensor",
    "motion-sensor": "sensor",
    "magnet-sensor": "sensor",
    "occupancy-sensor": "sensor",
    "illumination-sensor": "sensor",
    "submersion-sensor": "sensor",
    "gas-sensor": "sensor",
    "smoke-sensor": "sensor",
    "air-monitor": "sensor",
    "plant-monitor": "sensor",
    "lock": "lock",
}
"""Name in a device's URN -> type."""

MAIN_SERVICES: dict[str, tuple[str, ...]] = {
    "lamp": ("light", "night-light"),
    "plug": ("outlet", "switch", "power-strip"),
    "fan": (
        "fan",
        "ceiling-fan",
        "hood",
        "air-purifier",
        "air-fresh",
        "humidifier",
        "dehumidifier",
        "fan-control",
    ),
    "air-conditioner": ("air-conditioner", "air-condition-outlet", "ir-aircondition-control"),
    "thermostat": ("thermostat", "heater", "ptc-bath-heater", "water-heater"),
    "curtain": ("curtain", "window-opener", "airer"),
    "sensor": (
        "temperature-humidity-sensor",
        "motion-sensor",
        "magnet-sensor",
        "occupancy-sensor",
        "illumination-sensor",
        "submersion-sensor",
        "gas-sensor",
        "smoke-sensor",
        "air-monitor",
        "plant-monitor",
        "environment",
    ),
    "lock": ("lock", "door"),
}
"""Type -> the services whose properties make it what it is; the first that is there counts."""

ROLE_OF_PROPERTY = {
    "on": "on",
    "brightness": "brightness",
    "color-temperature": "colour-temperature",
    "color": "colour",
    "target-temperature": "target-temperature",
    "mode": "mode",
    "fan-level": "fan-level",
    "speed-level": "fan-speed",
    "stepless-fan-level": "fan-speed",
    "horizontal-swing": "swing",
    "vertical-swing": "vertical-swing",
    "target-position": "position",
    "current-position": "current-position",
    "target-humidity": "target-humidity",
    "temperature": "temperature",
    "relative-humidity": "humidity",
    "contact-state": "contact",
    "motion-state": "motion",
    "occupancy-status": "motion",
    "submersion-state": "water",
    "illumination": "illumination",
    "pm2.5-density": "pm25",
    "co2-density": "co2",
    "electric-power": "power",
    "lock-state": "locked",
    "locked": "locked",
    "door-state": "door",
    "battery-level": "battery",
}
"""Property in a main service -> role. The order is that of importance, for devices with many."""

_FIRST = ("open", "close", "stop")
ROLES = (*_FIRST, *dict.fromkeys(ROLE_OF_PROPERTY.values()))
"""Every role, the most important first."""

ROLE_IN_SERVICE = {
    ("lock", "status"): "locked",
    ("door", "status"): "door",
}
"""(service, property) -> role where the property's name alone does not tell."""

LIGHT_ROLES = {"brightness", "colour-temperature", "colour"}
"""Roles of a light only: a fan's brightness is that of its display."""

HELPERS: dict[str, frozenset[str]] = {
    "environment": frozenset({"temperature", "humidity", "illumination", "pm25", "co2"}),
    "temperature-humidity-sensor": frozenset({"temperature", "humidity"}),
    "illumination-sensor": frozenset({"illumination"}),
    "motion-sensor": frozenset({"motion", "illumination"}),
    "magnet-sensor": frozenset({"contact"}),
    "fan-control": frozenset({"fan-level", "fan-speed", "swing", "vertical-swing"}),
    "door": frozenset({"door"}),
    "power-consumption": frozenset({"power"}),
    "battery": frozenset({"battery"}),
}
"""Other services, and the roles that are taken from them."""

MOTOR_ROLES = {
    "open": "open",
    "up": "open",
    "close": "close",
    "down": "close",
    "pause": "stop",
    "stop": "stop",
}
"""A value of ``motor-control``, or an action without arguments -> role."""


def in_order(roles: Iterable[str]) -> list[str]:
    """Roles, the most important first; those that are not known come last."""
    return sorted(roles, key=lambda role: ROLES.index(role) if role in ROLES else len(ROLES))
