"""What a file has beside its content and is not deposited: counted, so that a person can be told.

Linux: extended attributes and POSIX access lists. Windows: alternate data streams of NTFS (written from Microsoft's
reference, not run by our CI; every file of Windows has an access list, so those are not counted).
"""

import os
import sys
from collections.abc import Iterable

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _StreamData(ctypes.Structure):
        """WIN32_FIND_STREAM_DATA."""

        _fields_ = (("size", wintypes.LARGE_INTEGER), ("name", wintypes.WCHAR * (260 + 36)))

    _KERNEL = ctypes.WinDLL("kernel32", use_last_error=True)
    _KERNEL.FindFirstStreamW.restype = wintypes.HANDLE
    _KERNEL.FindFirstStreamW.argtypes = (wintypes.LPCWSTR, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
    _KERNEL.FindNextStreamW.argtypes = (wintypes.HANDLE, ctypes.c_void_p)
    _KERNEL.FindClose.argtypes = (wintypes.HANDLE,)

    def extra_attributes(native: str) -> Iterable[str]:
        """`ads` where the file has more streams than its content."""
        data = _StreamData()
        handle = _KERNEL.FindFirstStreamW(native, 0, ctypes.byref(data), 0)
        if handle == wintypes.HANDLE(-1).value:
            return ()
        more = _KERNEL.FindNextStreamW(handle, ctypes.byref(data))
        _KERNEL.FindClose(handle)
        return ("ads",) if more else ()

elif sys.platform == "linux":
    _CODES = {"system": "acl", "user": "xattr"}

    def extra_attributes(native: str) -> Iterable[str]:
        """`acl` and `xattr` where the file has them. Nothing where the file system cannot tell."""
        try:
            names = os.listxattr(native, follow_symlinks=False)
        except OSError:
            return ()
        return {_CODES[room] for name in names if (room := name.partition(".")[0]) in _CODES}

else:

    def extra_attributes(native: str) -> Iterable[str]:  # noqa: ARG001 - macOS: Python has no call for it
        """Nothing: this system's Python cannot list attributes."""
        return ()
