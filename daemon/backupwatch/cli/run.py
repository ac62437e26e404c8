"""``backupwatch run``: the daemon in the foreground; what the login service starts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from backupwatch.cli.app import Root


def run(root: Root) -> NoReturn:
    """Become the daemon: the same process, without what the command line needed."""
    config = str(root.config_path) if root.config_path else ""
    level = "debug" if root.verbose else "info"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "backupwatch.resident", config, level])  # noqa: S606 - ourselves
