"""Names for type hints, which the board has no `typing` for: hints.pyi is what a checker sees."""

Any = Awaitable = Callable = Iterator = object
