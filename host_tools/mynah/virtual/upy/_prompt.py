"""The REPL: friendly, raw and raw paste (MicroPython's pyexec.c); loaded for the first prompt."""

import sys
from micropython import const

from _line_editor import LineEditor, auto_indent, needs_more
from _repl import FORCED_EXIT, execute, read_byte, write

_CTRL_A = const(1)
_CTRL_B = const(2)
_CTRL_C = const(3)
_CTRL_D = const(4)
_CTRL_E = const(5)
_PASTE_WINDOW = const(128)


def _run_source(source, kind, scope):
    exec(compile(source, "<stdin>", kind), scope)


def _paste(scope):
    """Raw paste mode: flow control by windows; run what was sent."""
    write("R\x01")
    sys.stdout.buffer.write(bytes((_PASTE_WINDOW & 0xFF, _PASTE_WINDOW >> 8, 1)))
    source = bytearray()
    window = _PASTE_WINDOW
    while True:
        c = read_byte()
        if c == _CTRL_C or c == _CTRL_D:
            break
        source.append(c)
        window -= 1
        if not window:
            write("\x01")
            window = _PASTE_WINDOW
    write("\x04")
    if c == _CTRL_C:
        return execute(_interrupt, eof=True)
    return execute(_run_source, bytes(source), "exec", scope, eof=True)


def _interrupt():
    raise KeyboardInterrupt


def raw_repl(scope):
    """The raw REPL, until Ctrl-B (returns 0) or a soft reset (returns FORCED_EXIT)."""
    line = bytearray()
    write("raw REPL; CTRL-B to exit\n>")
    while True:
        c = read_byte()
        if c == _CTRL_A:
            if len(line) == 2 and line[0] == _CTRL_E:
                if line[1] == 0x41:
                    if _paste(scope) == FORCED_EXIT:
                        return FORCED_EXIT
                else:
                    write("R\x00")
                write(">")
            else:
                write("raw REPL; CTRL-B to exit\n>")
            line = bytearray()
        elif c == _CTRL_B:
            write("\n")
            return 0
        elif c == _CTRL_C:
            line = bytearray()
        elif c == _CTRL_D:
            write("OK")
            if not line:
                write("\n")
                return FORCED_EXIT
            if execute(_run_source, bytes(line), "exec", scope, eof=True) == FORCED_EXIT:
                return FORCED_EXIT
            line = bytearray()
            write(">")
        else:
            line.append(c)


def _banner():
    version = sys.version[sys.version.index("; ") + 2 :]
    write('%s; %s\nType "help()" for more information.\n' % (version, sys.MACHINE))


def _paste_mode():
    # The friendly REPL's paste mode: the text, or None when cancelled.
    write("\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\n=== ")
    source = bytearray()
    while True:
        c = read_byte()
        if c == _CTRL_C:
            write("\n")
            return None
        if c == _CTRL_D:
            write("\n")
            return bytes(source)
        source.append(c)
        write("\n=== " if c == 13 else chr(c))


def friendly_repl(scope):
    """The friendly REPL, until Ctrl-A (returns 0) or a soft reset (returns FORCED_EXIT)."""
    editor = LineEditor(read_byte, write)
    _banner()
    while True:
        line, end = editor.read(">>> ")
        kind = "single"
        if end == _CTRL_A:
            write("\n")
            return 0
        if end == _CTRL_B:
            write("\n")
            _banner()
            continue
        if end == _CTRL_C:
            write("\n")
            continue
        if end == _CTRL_D:
            write("\n")
            return FORCED_EXIT
        if end == _CTRL_E:
            line = _paste_mode()
            kind = "exec"
        elif not line:
            continue
        else:
            while needs_more(line):
                more, end = editor.read("... ", auto_indent(line))
                if end == _CTRL_C:
                    write("\n")
                    line = None
                    break
                line += "\n"
                if end == _CTRL_D:
                    break
                line += more
        if line is not None and execute(_run_source, line, kind, scope) == FORCED_EXIT:
            return FORCED_EXIT
