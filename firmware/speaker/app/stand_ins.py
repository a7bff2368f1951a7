"""The methods and commands of the parts that are loaded with first use (parts.py)."""

from speaker.net.improv_prefix import PREFIX
from speaker.util.hints import Any, Iterator
from speaker.util.late import Late

HOME_METHODS = ("mynah.home.add", "mynah.home.remove", "mynah.home.list", "mynah.home.do")
SECURE_METHODS = (
    "mynah.secure.status",
    "mynah.secure.prepare",
    "mynah.secure.on",
    "mynah.secure.off",
)
SET_UP_METHODS = (
    "miIO.config_router",
    "miIO.wifi_assoc_state",
    "mynah.wifi.scan",
    "mynah.wifi.cancel",
)
PUSH_METHODS = ("miIO.sub", "miIO.unsub")
PRIVACY_METHODS = ("mynah.privacy",)
PRIVACY_COMMANDS = (b"mynah privacy\n",)
DESK_COMMANDS = (b"mynah baud ", b"mynah feed\n", b"mynah live\n")
CABLE_COMMANDS = (
    PREFIX,
    b"mynah token ",
    b"mynah paired\n",
    b"mynah country ",
    b"mynah cancel\n",
)


def add_methods(methods: dict, names: tuple, late: Late) -> None:
    """Put the part in the place of its methods in the miIO server's table."""
    for name in names:
        methods[name] = late


def add_commands(console: Any, prefixes: tuple, late: Late) -> None:
    """Put the part in the place of its handlers of the console."""
    for prefix in prefixes:
        console.add(prefix, late)


def steps(part: str, *arguments: object) -> Iterator[Any]:
    """The function of parts.py with that name, called."""
    from speaker.app import parts

    made: Iterator[Any] = getattr(parts, part)(*arguments)
    return made
