"""What ports/esp32/main.c does: peripherals, filesystem, boot.py, main.py, the REPL."""

import sys as _real_sys

import _link

_MODULES = ("micropython", "errno", "machine", "esp32", "neopixel", "network", "socket")
_AHEAD_MS = 1 << 44
_BOOTSTRAP = ("array", "io", "sys", "vfs", "Rom", "rom", "_start")


def _install(info):
    # The board's modules take the place of the computer's, in the order in which they need
    # each other. asyncio binds MicroPython's own ticks, the ones that its C task queue uses.
    modules = _real_sys.modules
    import _select

    modules["select"] = _select
    import asyncio.core
    import _time

    if info["fast"]:
        _time.go_fast(info["uptime_us"], info["clock_ns"])
        _hasten_asyncio()
    else:
        _time.start(info["uptime_us"], info["clock_ns"])
    modules["time"] = _time
    import _vfs

    modules["vfs"] = _vfs
    import _sys

    modules["sys"] = _sys
    import _os

    modules["os"] = _os
    for name in _MODULES:
        modules[name] = __import__("_" + name)
    import _threads

    modules["_thread"] = _threads


def _hasten_asyncio():
    # Its clock does not wrap, as the C code of its queue has the computer's period, and is ahead
    # of the computer's uptime, by which that code orders what is to run at once.
    import asyncio
    from asyncio import core

    import _fast
    import _select

    def ticks():
        _fast.look()
        return _fast.now_us // 1000 + _AHEAD_MS

    _select.use(_fast.Poll)
    core.ticks = ticks
    asyncio.new_event_loop()


def _mount(vfs):
    """ports/esp32/modules/_boot.py, flashbdev.py and inisetup.py."""
    import esp32

    vfs.umount("/rom")
    vfs.umount("/")
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")
    if not found:
        return
    device = found[0]
    try:
        vfs.mount(device, "/")
    except OSError:
        _set_up(vfs, device)


def _set_up(vfs, device):
    block = bytearray(device.ioctl(5, 0))
    device.readblocks(0, block)
    if block != b"\xff" * len(block):
        _corrupted()
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), "/")
    with open("boot.py", "w") as f:
        f.write(
            "# This file is executed on every boot (including wake-boot from deepsleep)\n"
            "#import esp\n#esp.osdebug(None)\n#import webrepl\n#webrepl.start()\n"
        )


def _corrupted():
    import time
    import micropython

    micropython.kbd_intr(3)
    while True:
        print(
            "The filesystem appears to be corrupted. If you had important data there, you\n"
            "may want to make a flash snapshot to try to recover it. Otherwise, perform\n"
            "factory reprogramming of MicroPython firmware (completely erase flash, followed\n"
            "by firmware programming).\n"
        )
        time.sleep(3)


def _run_file(name, scope):
    try:
        if os.stat(name)[0] & 0x4000:
            return 0
    except OSError:
        return 0
    scope["__file__"] = name
    return _repl.execute(execfile, name, scope)


def _programs(raw, scope):
    # FORCED_EXIT when a program asks for a soft reset.
    if _repl.execute(_mount, vfs, interruptible=False) == _repl.FORCED_EXIT:
        return
    gc.collect()
    result = _run_file("boot.py", scope)
    if result == _repl.FORCED_EXIT:
        return
    if not raw and result == 0:
        if _run_file("main.py", scope) == _repl.FORCED_EXIT:
            return
    while True:
        _link.call("raw_mode", raw)
        if (_repl.raw_repl if raw else _repl.friendly_repl)(scope) == _repl.FORCED_EXIT:
            return
        raw = not raw


def main(link, irq_fd, scope):
    """Run the board until it is reset; programs run in ``scope``, the globals of __main__."""
    global gc, os, vfs, _repl
    _link.open_link(link, irq_fd)
    info = _link.call("boot")
    _install(info)
    import gc
    import os
    import vfs

    import _repl

    for name in _BOOTSTRAP:
        scope.pop(name, None)
    _real_sys.path[:] = ["", ".frozen", "/lib"]
    built_in = set(_real_sys.modules)
    _programs(info["raw_mode"], scope)
    # Files that a program left open are closed, as gc_sweep_all does.
    scope.clear()
    for name in set(_real_sys.modules) - built_in:
        del _real_sys.modules[name]
    gc.collect()
    _link.call("soft_reset")
