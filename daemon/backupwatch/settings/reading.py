"""Reading a configuration file that may be anything: a folder, a pipe, 50 MB, UTF-16, half written."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from backupwatch.settings.problems import InvalidConfigError, Problem
from backupwatch.text import plain

LARGEST = 256 * 1024
"""Bytes. A configuration with a hundred phones and every comment has some 60 KB."""

_TRIES = 4
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file, without a byte order mark and with ``\\n`` line ends, as a TOML reader counts it."""

    file: Path
    text: str
    warnings: tuple[str, ...] = ()

    def line(self, number: int) -> str:
        """The line with this number, counted from 1; empty beyond the end."""
        lines = self.text.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def problem(self, line: int, column: int, message: str, **more: str) -> Problem:
        """A mistake at this place of this file."""
        return Problem(
            self.file,
            line,
            column,
            more.pop("key", ""),
            message,
            source_line=self.line(line) if line else "",
            **more,
        )


def read_source(file: Path) -> Source | None:
    """The file's text; ``None`` when nothing of that name is there.

    Opens without blocking and never follows a file that keeps changing for longer than a fraction of a second.

    :raises InvalidConfigError: it is there but cannot be read as text.
    """
    raw = read_bytes(file)
    if raw is None:
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or _looks_like_utf16(raw):
        raise _whole(file, "the file is in UTF-16, not UTF-8", "Save it again with the encoding UTF-8.")
    warnings: tuple[str, ...] = ()
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        warnings = (
            f"{plain(file, 400)} starts with a byte order mark. It is skipped here, but other TOML readers refuse it.",
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode().replace("\r\n", "\n")
        source = Source(file, raw.decode(errors="replace").replace("\r\n", "\n"))
        raise InvalidConfigError(
            [
                _at_end(
                    source,
                    before,
                    "this byte is not UTF-8",
                    found=f"0x{raw[error.start]:02x}",
                    suggestion="Save the file again with the encoding UTF-8.",
                )
            ]
        ) from None
    source = Source(file, text.replace("\r\n", "\n"), warnings)
    if (nul := source.text.find("\0")) >= 0:
        raise InvalidConfigError(
            [
                _at_end(
                    source,
                    source.text[:nul],
                    "there is a NUL byte, which no TOML file may hold",
                    suggestion="The file may have been damaged by a crash: restore it, or delete what stands there.",
                )
            ]
        )
    return source


def _at_end(source: Source, before: str, message: str, **more: str) -> Problem:
    return source.problem(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1, message, **more)


def _looks_like_utf16(raw: bytes) -> bool:
    """ASCII text in UTF-16 has a NUL in every other byte; a damaged file has not."""
    head = raw[:64]
    return len(head) >= 4 and (not any(head[0::2]) or not any(head[1::2])) and any(head)


def read_bytes(file: Path) -> bytes | None:
    """The file's bytes as they are; ``None`` when nothing of that name is there.

    :raises InvalidConfigError: it is there but cannot be read, or is no file.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            if error.errno == errno.ENOENT and not file.is_symlink():
                return None
            raise _cannot_open(file, error) from error
        try:
            raw = _steady(file, descriptor)
        except OSError as error:
            raise _cannot_open(file, error) from error
        finally:
            os.close(descriptor)
        if raw is not None:
            return raw
    raise _whole(file, "the file keeps changing while it is read", "Try again when whatever writes it is done.")


def _steady(file: Path, descriptor: int) -> bytes | None:
    """All bytes of the open file, or ``None`` when it changed meanwhile."""
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        return _not_regular(file, before)
    if before.st_size > LARGEST:
        raise _too_large(file, before.st_size)
    chunks: list[bytes] = []
    length = 0
    while chunk := os.read(descriptor, 65_536):
        chunks.append(chunk)
        length += len(chunk)
        if length > LARGEST:
            raise _too_large(file, length)
    after = os.fstat(descriptor)
    with contextlib.suppress(OSError):
        now_there = file.stat()
        if (now_there.st_dev, now_there.st_ino) != (after.st_dev, after.st_ino):
            return None
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or length != after.st_size:
        return None
    return b"".join(chunks)


def _not_regular(file: Path, status: os.stat_result) -> bytes:
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev:
        return b""
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
    if stat.S_ISFIFO(status.st_mode):
        kind = "a named pipe"
    raise _whole(file, f"this is {kind}, not a file", "Move it away and run `backupwatch config init`.")


def _too_large(file: Path, size: int) -> InvalidConfigError:
    return _whole(
        file,
        "the file is far too large for a configuration",
        "Check that the right file has this name.",
        found=f"{size:,} bytes",
        allowed=f"up to {LARGEST:,} bytes",
    )


def _cannot_open(file: Path, error: OSError) -> InvalidConfigError:
    if error.errno == errno.ENOENT:
        target = plain(file.readlink(), 400) if file.is_symlink() else ""
        return _whole(file, f"this link leads to {target}, which is not there", "Restore that file or remove the link.")
    if error.errno == errno.ELOOP:
        return _whole(file, "this link leads back to itself", "Remove the link.")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _whole(
            file,
            "the file may not be read (permission denied)",
            "Give yourself the right to read it: chmod u+r on the file, and u+x on its folders.",
        )
    if error.errno == errno.ENOTDIR:
        return _whole(file, "a part of this path is a file, not a folder", "Move that file away.")
    if error.errno == errno.ENXIO:
        return _whole(file, "this is a socket, not a file", "Move it away and run `backupwatch config init`.")
    return _whole(file, f"the file cannot be read ({error.strerror or type(error).__name__})", "")


def _whole(file: Path, message: str, suggestion: str, *, found: str = "", allowed: str = "") -> InvalidConfigError:
    return InvalidConfigError([Problem(file, 0, 0, "", message, found=found, allowed=allowed, suggestion=suggestion)])
