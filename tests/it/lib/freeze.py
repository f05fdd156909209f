"""Stops one thread of a program, as if it hung, and nothing else of it."""

import contextlib
import ctypes
import os

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def thread(pid, name):
    """The thread of that name."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            if f.read().strip() == name:
                return int(tid)
    raise AssertionError(f"{pid} has no thread {name}")


def ask(request, tid):
    if libc.ptrace(request, tid, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def frozen(pid, name):
    """Meanwhile that thread does nothing. All from one thread of this program, the tracer."""
    tid = thread(pid, name)
    ask(SEIZE, tid)
    ask(INTERRUPT, tid)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ask(DETACH, tid)
