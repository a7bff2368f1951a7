"""What stands in for the methods and commands of a part that is loaded with first use."""

from speaker.miot.server import INTERNAL, Later, MiioError
from speaker.util.hints import Any, Awaitable, Callable
from speaker.util.late import Late, NotLoadedError


def add_methods(late: Late, table: dict, names: tuple) -> None:
    """Put stand-ins for methods of the part into the miIO server's table.

    The first call of one loads the part, which puts its own there when it is wired.
    """
    for name in names:
        table[name] = _method(late, table, name)


def add_commands(late: Late, console: Any, prefixes: tuple) -> None:
    """The same for handlers of the console."""
    for prefix in prefixes:
        console.add(prefix, _handler(late, prefix))


def _method(late: Late, table: dict, name: str) -> Callable[..., Later]:
    async def call(params: object, peer: tuple) -> Any:
        try:
            await late.get()
        except NotLoadedError as error:
            text = "%s: not loaded, perhaps for want of memory; a restart may help"
            raise MiioError(INTERNAL, text % late.name) from error
        result = table[name](params, peer)
        return await result.coroutine if isinstance(result, Later) else result

    return lambda params, peer: Later(call(params, peer))


def _handler(late: Late, prefix: bytes) -> Callable[..., Awaitable]:
    async def run(console: Any) -> None:
        try:
            await late.get()
        except NotLoadedError:  # it is in the log, which is on the console
            return
        await console.handler(prefix)(console)

    return run
