"""The person's time zone, asked anew each time: it changes when they travel."""

from __future__ import annotations

import os
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo


def local_zone() -> tzinfo:
    """The zone by its rules, so that nights in summer and winter are judged rightly; else today's offset."""
    try:
        if name := os.environ.get("TZ", "").removeprefix(":"):
            return ZoneInfo(name)
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):
        zone = datetime.now().astimezone().tzinfo
        if zone is None:
            raise RuntimeError("a local time without a zone") from None
        return zone
