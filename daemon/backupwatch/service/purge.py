"""What ``service uninstall --purge`` deletes: only what this program is known to write, never a whole folder blindly.

The state folder can be named by a variable. If somebody names their home folder there, the home folder must survive.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from backupwatch import paths
from backupwatch.errors import BackupwatchError

_STATE_NAMES = (
    "watch.sqlite3*",
    "account",
    "account.lock",
    "account.new-*",
    "account.old-*",
    "cache",
    "daemon.lock",
    "run",
)


def everything_of_ours() -> list[Path]:
    """Files and folders of configuration, history and sign-in that exist.

    Not the pair records: other programs share them, and the phone would have to be asked again.
    """
    config, state = paths.config_file(), paths.state_dir()
    conf_d = config.parent / "conf.d"
    # In a folder of our own every file in conf.d is ours; in one that somebody named, only what we wrote.
    pattern = "*.toml" if config.parent.name == paths.APP else "backupwatch.toml"
    found = [config, *sorted(conf_d.glob(pattern)), conf_d / ".lock"]
    if _our_schema(config.parent / "schema.json"):
        found.append(config.parent / "schema.json")
    for name in _STATE_NAMES:
        found.extend(sorted(state.glob(name)))
    return [path for path in dict.fromkeys(found) if path.exists() or path.is_symlink()]


def _our_schema(path: Path) -> bool:
    """Other programs may keep a file of that name, too."""
    try:
        return '"backupwatch' in path.read_text("utf-8", "replace")[:4_000]
    except OSError:
        return False


def forget_session() -> None:
    """Delete what would go with the login session anyway; the folder is named after us and holds nothing else."""
    folder = paths.runtime_dir()
    if folder.name == paths.APP:
        shutil.rmtree(folder, ignore_errors=True)


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
    for folder in (paths.config_file().parent / "conf.d", paths.config_file().parent, paths.state_dir()):
        try:
            folder.rmdir()
        except OSError:
            continue
    if left:
        raise BackupwatchError(f"Not everything could be deleted: {', '.join(left)}", fix="Delete it by hand")
