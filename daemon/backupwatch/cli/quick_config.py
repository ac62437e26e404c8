"""The configuration without its validator: what was read before, as long as the files are as they were.

Checking a configuration takes longer than all else that ``status`` does. A good one is kept as JSON in the cache
folder, under the names, sizes and times of the files it was read from; whatever does not match is read anew.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from backupwatch import __version__, paths
from backupwatch.clock import utc_now
from backupwatch.settings.files import conf_d_files
from backupwatch.settings.kept import NAME
from backupwatch.settings.values import Config

_SETTLED = 2.0
"""Seconds after which a file that is written again surely has another time; no file system here is coarser."""


def quick_config(path: Path | None) -> Config:
    """The same as :func:`~backupwatch.cli.opening.config_of`, faster the second time.

    :raises ConfigError: it cannot be used.
    """
    key = _key(paths.config_file(path))
    if key is not None and not key["files"] and path is None:
        return Config()
    cache = paths.cache_dir() / NAME
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(cache.read_text("utf-8"))
        if kept["key"] == key:
            return Config.from_json(kept["config"])
    from backupwatch.cli.opening import loaded_of

    loaded = loaded_of(path)
    if key is not None and not loaded.warnings and not _is_just_written(key):  # a warning is given every time
        _keep(cache, {"key": key, "config": loaded.config.to_json()})
    return loaded.config


def _key(own: Path) -> dict[str, Any] | None:
    """What must be the same for the kept copy to hold; None where the files cannot even be listed."""
    try:
        files = [[str(file), *_stamp(file)] for file in (own, *conf_d_files(own)) if file.exists()]
    except OSError:
        return None
    return {"version": __version__, "home": os.environ.get("HOME", ""), "own": str(own), "files": files}


def _is_just_written(key: dict[str, Any]) -> bool:
    """A file written again within the same tick of the file system's clock would look unchanged."""
    newest: int = max((changed for _, changed, *_ in key["files"]), default=0)
    return utc_now().timestamp() - newest / 1e9 < _SETTLED


def _stamp(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _keep(cache: Path, document: dict[str, Any]) -> None:
    """Write it whole or not at all; without a place for it the next call reads the files again."""
    from backupwatch.errors import BackupwatchError

    with contextlib.suppress(OSError, BackupwatchError):
        paths.private_dir(cache.parent.parent)
        paths.private_dir(cache.parent)
        fresh = cache.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file)
        fresh.replace(cache)
