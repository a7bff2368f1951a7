"""Runs many commands of esptool or mpremote, each in a process that imports nothing anew.

``python tool_server.py esptool`` reads one JSON list of arguments a line and answers each with one
JSON list: exit code and output. The tool is imported once and forked, which saves most of a start.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import serial


def main(tool: str) -> None:
    """Serve commands from stdin until its end."""
    serial.protocol_handler_packages.insert(0, "mynah.link.urlhandler")
    if tool == "esptool":
        import esptool

        run = esptool._main
    else:
        from mpremote.main import main as run
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        answers.write(json.dumps(_run(tool, run, json.loads(line))) + "\n")
        answers.flush()


def _run(tool, run, arguments):  # type: ignore[no-untyped-def]
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reader)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os._exit(_call(tool, run, arguments))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as output:
        text = output.read()
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text]


def _call(tool, run, arguments):  # type: ignore[no-untyped-def]
    sys.argv = [tool, *arguments]
    code = 0
    try:
        code = run() or 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main(sys.argv[1])
