"""``backupwatch version``: of itself and of what it depends on."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from backupwatch import __version__

SHOWN: Final = (
    "apscheduler", "desktop-notifier", "pyicloud", "pymobiledevice3", "structlog", "tomli-w",
)  # fmt: skip
"""What decides how the program behaves towards phones, the account and the desktop."""


def run() -> int:
    """Print one line each; 0."""
    print(f"backupwatch {__version__}")
    print(f"  python {platform.python_version()} on {platform.system()} {platform.release()}")
    for name in SHOWN:
        try:
            print(f"  {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"  {name} is missing: install backupwatch again")
    return 0
