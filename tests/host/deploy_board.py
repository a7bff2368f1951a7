"""Runs inside MicroPython: a flash whose power fails, its filesystem at "/", and a console.

Each request on stdin is a line with a number of bytes, then as many bytes of code; each answer is
what it printed, 4, its exception's text, 4, as the raw REPL answers. Code that begins with "#" runs
in this file, other code as a program on the board.
"""

import gc
import io
import os
import sys

import vfs
from fakes.nor import Nor

N_BLOCKS = 96
nor = Nor(N_BLOCKS)
program = {}


def format_flash():
    vfs.VfsLfs2.mkfs(nor)


def switch_on():
    """Mount the flash and run boot.py, then main.py, as MicroPython does."""
    program.clear()
    program["__name__"] = "__main__"
    vfs.mount(vfs.VfsLfs2(nor), "/")
    os.chdir("/")
    for name in ("boot.py", "main.py"):
        if name in os.listdir("/"):
            with open("/" + name) as file:
                source = file.read()
            exec(source, program)


def switch_off():
    program.clear()
    gc.collect()  # files that were open: what their end prints, nobody reads
    umount("/")


def umount(point):
    if any(there == point for _, there in vfs.mount()):
        vfs.umount(point)


def serve():
    umount("/rom")
    umount("/")
    stdin, stdout = sys.stdin.buffer, sys.stdout
    while True:
        line = stdin.readline()
        if not line:
            return
        code = stdin.read(int(line))
        problem = ""
        try:
            exec(code, globals() if code[:1] == b"#" else program)
        except Exception as error:
            text = io.StringIO()
            sys.print_exception(error, text)
            problem = text.getvalue()
        stdout.write("\x04" + problem + "\x04")


serve()
