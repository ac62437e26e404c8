"""What ``service uninstall --purge`` deletes: only what this program is known to write, never a whole folder blindly.

The state folder can be named by a variable. If somebody names their home folder there, the home folder must survive.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from backupwatch import paths
from backupwatch.errors import BackupwatchError

_STATE_NAMES = ("watch.sqlite3*", "account", "cache", "run", "logs", "*.log", "*.log.*", "*.lock", "report.html")
_CONFIG_NAMES = ("config.toml", "conf.d")


def everything_of_ours() -> list[Path]:
    """Files and folders of configuration, history and sign-in that exist; not the pair records, which other
    programs share."""
    config, state = paths.config_file(), paths.state_dir()
    found = [config, config.parent / "conf.d"]
    for folder, names in ((config.parent, ()), (state, _STATE_NAMES)):
        for name in names:
            found.extend(sorted(folder.glob(name)))
    return [path for path in dict.fromkeys(found) if path.exists() or path.is_symlink()]


def purge(doomed: list[Path]) -> None:
    """Delete what :func:`everything_of_ours` listed, then its folders if they are empty.

    :raises BackupwatchError: something could not be deleted; the rest was.
    """
    left: list[str] = []
    for path in doomed:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            left.append(f"{path} ({error.strerror})")
    for folder in (paths.config_file().parent, paths.state_dir()):
        try:
            folder.rmdir()
        except OSError:
            continue
    if left:
        raise BackupwatchError(f"Not everything could be deleted: {', '.join(left)}", fix="Delete it by hand")
