"""The file that describes our service to the init system: stamped, written whole or not at all, edits kept.

The stamp is a comment line with our version and a hash of everything else in the file. It tells a file that we
wrote from one that somebody changed by hand: the first may be replaced, the second is kept aside.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backupwatch.errors import BackupwatchError

_STAMP = re.compile(r"^.*\bbackupwatch (?P<version>\S+) sha256=(?P<hash>[0-9a-f]{64})\b.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition that is there already.

    :ivar version: of the program that wrote it, or "" where nobody knows.
    :ivar ours: whether it is exactly what that version wrote.
    """

    version: str
    ours: bool
    text: str


def stamped(content: str, version: str, *, comment: tuple[str, str] = ("# ", "")) -> str:
    """``content`` with the stamp at its line ``@STAMP@``; ``comment`` is what opens and closes a comment."""
    bare = re.sub(r"^.*@STAMP@.*\n", "", content, count=1, flags=re.MULTILINE)
    digest = hashlib.sha256(bare.encode()).hexdigest()
    line = f"{comment[0]}backupwatch {version} sha256={digest}{comment[1]}"
    return re.sub(r"^.*@STAMP@.*$", lambda _: line, content, count=1, flags=re.MULTILINE)


def find(path: Path) -> Found | None:
    """The definition at ``path``, or None; a link is never ours, since we write files.

    :raises BackupwatchError: it is there and cannot be read.
    """
    try:
        content = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return Found("", ours=False, text="") if path.is_symlink() else None
    except OSError as error:
        raise BackupwatchError(
            f"{path} cannot be read ({error.strerror})", fix="Move it away, then run this command again"
        ) from error
    stamp = _STAMP.search(content)
    if stamp is None or path.is_symlink():
        return Found("", ours=False, text=content)
    bare = content[: stamp.start()] + content[stamp.end() :]
    return Found(stamp["version"], hashlib.sha256(bare.encode()).hexdigest() == stamp["hash"], content)


def keep_aside(path: Path, now: datetime) -> Path:
    """Rename a changed definition to ``NAME.edited-20261122T140500``, which no init system reads.

    :param now: names the copy, in UTC.
    :raises BackupwatchError: it cannot be renamed.
    """
    wanted = path.with_name(f"{path.name}.edited-{now:%Y%m%dT%H%M%S}")
    kept, number = wanted, 1
    while kept.exists() or kept.is_symlink():
        number += 1
        kept = wanted.with_name(f"{wanted.name}-{number}")
    try:
        path.rename(kept)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return kept


def write(path: Path, content: str) -> None:
    """Put ``content`` at ``path`` in one step; its folder is made when missing, a linked folder is followed.

    :raises BackupwatchError: read-only, full, not ours; what was there before is still there.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # what the init systems expect; it holds paths, never a secret
        temporary.replace(path)
        temporary = None
    except (OSError, UnicodeEncodeError) as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def remove(path: Path) -> bool:
    """Delete a definition; whether there was one.

    :raises BackupwatchError: it cannot be deleted.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cannot_write(path, error) from error
    return True


def edited_copies(path: Path) -> list[Path]:
    """The copies that :func:`keep_aside` made, oldest first."""
    try:
        return sorted(path.parent.glob(f"{path.name}.edited-*"))
    except OSError:
        return []


def _cannot_write(path: Path, error: OSError | UnicodeEncodeError) -> BackupwatchError:
    why = error.strerror if isinstance(error, OSError) else "its name is not valid text"
    return BackupwatchError(
        f"{path} cannot be written ({why})",
        meaning="Nothing was changed",
        fix=f"Make {path.parent} writable for you and free some room, then run this command again",
    )
