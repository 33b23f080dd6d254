"""Where a processor's memory goes between two steps."""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # options of mallopt, by their numbers in malloc.h
NEVER, NONE = -1, 0


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for its next step; returns whether that is so now.

    A step frees large arrays, and the next takes them again. The C library of Linux (glibc) gives
    them back to the system in between, and the system fills every page with zeros before it lends
    it again. No number changes. It holds for the whole process, which does not shrink any more and
    grows a little larger. With another C library nothing happens.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(TRIM_THRESHOLD, NEVER), mallopt(MMAP_MAX, NONE)])
