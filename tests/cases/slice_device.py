"""A device of libntfs-3g, driven as libntfs-3g drives it."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib


class Device:
    """Opens a name through the operations that libntfs-3g has for files and devices."""

    def __init__(self, name: str, flags: int = os.O_RDWR) -> None:
        self.device = lib.ntfs_device_alloc(name.encode(), 0, ffi.addressof(lib, "ntfs_device_unix_io_ops"), ffi.NULL)
        self.is_open = False
        try:
            self._check(self.device.d_ops.open(self.device, flags))
        except OSError:
            lib.ntfs_device_free(self.device)
            raise
        self.is_open = True

    def pread(self, offset: int, count: int) -> bytes:
        buffer = ffi.new("char[]", max(1, min(count, 1 << 24)))
        return bytes(ffi.buffer(buffer, self._check(self.device.d_ops.pread(self.device, buffer, count, offset))))

    def pwrite(self, offset: int, data: bytes, count: int | None = None) -> int:
        return self._check(
            self.device.d_ops.pwrite(self.device, ffi.from_buffer(data), len(data) if count is None else count, offset)
        )

    def seek(self, offset: int, whence: int) -> int:
        return self._check(self.device.d_ops.seek(self.device, offset, whence))

    def read(self, count: int) -> bytes:
        buffer = ffi.new("char[]", count)
        return bytes(ffi.buffer(buffer, self._check(self.device.d_ops.read(self.device, buffer, count))))

    def write(self, data: bytes) -> int:
        return self._check(self.device.d_ops.write(self.device, ffi.from_buffer(data), len(data)))

    def sync(self) -> None:
        self._check(self.device.d_ops.sync(self.device))

    def stat(self) -> tuple[int, int]:
        facts = ffi.new("struct stat *")
        self._check(self.device.d_ops.stat(self.device, facts))
        return facts.st_size, facts.st_mode

    def ioctl(self, request: int, kind: str) -> int:
        argument = ffi.new(f"{kind} *")
        self._check(self.device.d_ops.ioctl(self.device, request, argument))
        return int(argument[0])

    def close(self) -> None:
        self.is_open = False
        code = self.device.d_ops.close(self.device)
        number = ffi.errno
        freed = lib.ntfs_device_free(self.device)
        assert freed == 0
        if code != 0:
            raise OSError(number, os.strerror(number))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_open:
            self.close()

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        return result


def errno_of(function: Callable[..., Any], *arguments: Any) -> int | None:
    """Return the errno with which a call fails, or None when it works."""
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    return None
