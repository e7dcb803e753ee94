"""An empty shared object, for a library that is linked against and of which nothing is called.

The engine's wheel asks the system for libatomic without using a function of it; slim systems do not have it. The
loader takes what it has already loaded under the name that is asked for (System V ABI, chapter 5: DT_SONAME).
"""

import ctypes
import os
import platform
import struct
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

SONAME = "libatomic.so.1"
CALLED = b"\0__atomic_"
"""How the name of each of its functions begins in the table of strings of whoever calls it."""

MACHINES = {"x86_64": 62, "aarch64": 183}
"""ELF's numbers of the machines that the engine's wheels are built for."""

_HEADER, _SEGMENT, _TAG = "<16sHHIQQQIHHHHHH", "<IIQQQQQQ", "<qQ"
_LOAD, _DYNAMIC, _STACK, _READ_WRITE = 1, 2, 0x6474E551, 6
_STRTAB, _SYMTAB, _STRSZ, _SYMENT, _DT_SONAME = 5, 6, 10, 11, 14
_SYMBOL = 24


def supply(package: str, soname: str = SONAME) -> bool:
    """Load the empty library where the package's own call nothing of the real one. Returns whether it did."""
    machine = MACHINES.get(platform.machine())
    if machine is None or not hasattr(os, "memfd_create") or _calls(package):
        return False
    with suppress(OSError):
        held = os.memfd_create(soname)
        try:
            os.write(held, empty(machine, soname))
            ctypes.CDLL(f"/proc/self/fd/{held}", ctypes.RTLD_GLOBAL)
        finally:
            os.close(held)
        return True
    return False


def _calls(package: str) -> bool:
    """Whether a shared object of this package names a function of the library, or none could be looked at."""
    spec = find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations or []
    objects = [path for folder in folders for path in Path(folder).glob("*.so")]
    return not objects or any(CALLED in path.read_bytes() for path in objects)


def empty(machine: int, soname: str) -> bytes:
    """A shared object of 64 bits that has a name, and nothing else."""
    names = b"\0" + soname.encode() + b"\0"
    at_segments = struct.calcsize(_HEADER)
    at_dynamic = at_segments + 3 * struct.calcsize(_SEGMENT)
    at_symbols = at_dynamic + 6 * struct.calcsize(_TAG)
    at_names = at_symbols + _SYMBOL
    size = at_names + len(names)
    header = struct.pack(
        _HEADER,
        b"\x7fELF\x02\x01\x01",
        3,
        machine,
        1,
        0,
        at_segments,
        0,
        0,
        at_segments,
        struct.calcsize(_SEGMENT),
        3,
        0,
        0,
        0,
    )
    segments = [
        struct.pack(_SEGMENT, _LOAD, _READ_WRITE, 0, 0, 0, size, size, 0x1000),
        struct.pack(
            _SEGMENT, _DYNAMIC, _READ_WRITE, at_dynamic, at_dynamic, at_dynamic, *2 * [at_symbols - at_dynamic], 8
        ),
        struct.pack(_SEGMENT, _STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16),  # without it the stack would become executable
    ]
    tags = [
        struct.pack(_TAG, tag, value)
        for tag, value in (
            (_DT_SONAME, 1),
            (_STRTAB, at_names),
            (_SYMTAB, at_symbols),
            (_STRSZ, len(names)),
            (_SYMENT, _SYMBOL),
            (0, 0),
        )
    ]
    return b"".join([header, *segments, *tags, bytes(_SYMBOL), names])
