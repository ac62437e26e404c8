"""The configuration that was right when it was last read, kept as JSON in the cache folder by the commands."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Final

from backupwatch import __version__, paths
from backupwatch.settings.values import Config

NAME: Final = "config.json"


def last_good(path: Path | None) -> Config | None:
    """What was read from the same file when it was last right, whatever it holds now; None where nothing is kept."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((paths.cache_dir() / NAME).read_text("utf-8"))
        if kept["key"]["version"] == __version__ and kept["key"]["own"] == str(paths.config_file(path)):
            return Config.from_json(kept["config"])
    return None
