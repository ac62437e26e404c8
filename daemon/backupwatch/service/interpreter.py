"""Which Python the service shall run, and whether it can still be there tomorrow."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import backupwatch
from backupwatch import text
from backupwatch.errors import BackupwatchError
from backupwatch.service.runner import Runner, run

CARRIED = (
    "BACKUPWATCH_CONFIG",
    "BACKUPWATCH_STATE_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",  # pymobiledevice3 keeps pair records there
    "XDG_STATE_HOME",
    "USBMUXD_SOCKET_ADDRESS",
)
"""Variables that decide where this program looks. A login service does not see the shell's, so they are written
into its definition; without that it would watch with another configuration than the commands in the shell."""

_CELLAR = re.compile(r"^(?P<prefix>.*)/Cellar/(?P<formula>[^/]+)/[^/]+/(?P<rest>.+)$")
_FLEETING = (
    "/.cache/uv/", "/.cache/pipx/", "/pipx/.cache/", "/Library/Caches/uv/", "/Library/Caches/pipx/", "/archive-v0/",
    "/AppData/Local/uv/cache/",
)  # fmt: skip
"""Where uvx (in any cache folder: archive-v0) and `pipx run` keep what they throw away."""


def interpreter() -> Path:
    """The absolute path of the interpreter that runs now, links unresolved.

    A virtual environment's ``python`` is a link, and following it would leave the environment. Homebrew's path
    holds a version that goes away with the next upgrade; its stable name under ``opt`` is taken instead.

    :raises BackupwatchError: it runs from a place that is emptied behind one's back (uvx, pipx run).
    """
    path = Path(os.path.abspath(sys.executable))  # noqa: PTH100 - resolve() would follow the link
    if any(part in f"{path}/" for part in _FLEETING):
        raise BackupwatchError(
            "backupwatch runs from a temporary place (uvx or pipx run)",
            meaning="A login service needs one that stays",
            fix="Install it with uv tool install backupwatch or pipx install backupwatch, then try again",
        )
    if match := _CELLAR.match(str(path)):
        stable = Path(match["prefix"], "opt", match["formula"], match["rest"])
        if stable.exists() and stable.samefile(path):
            return stable
    return path


def prove(python: Path, runner: Runner = run) -> None:
    """Start ``python`` the way a service does and see that it finds this very version of the program.

    :raises BackupwatchError: it does not, because the program was found through the current folder or PYTHONPATH.
    """
    clean = ["env", "-u", "PYTHONPATH", "-u", "PYTHONHOME", "PYTHONSAFEPATH=1"]
    code = "import backupwatch; print(backupwatch.__version__)"
    ran = runner([*clean, str(python), "-c", code], timeout=30.0)
    if ran.ok and ran.out == backupwatch.__version__:
        return
    found = f"finds version {text.plain(ran.out, 20)}" if ran.ok else "does not find backupwatch"
    raise BackupwatchError(
        f"{python}, started on its own, {found}",
        meaning="The service would not start",
        fix="Install backupwatch with pipx, uv tool or pip, and run that one's service install",
    )


def carried_variables(environment: dict[str, str] | None = None) -> dict[str, str]:
    """The variables of :data:`CARRIED` that are set here, paths made absolute.

    :raises BackupwatchError: one of them holds a line break, which no service definition should get.
    """
    source = dict(os.environ) if environment is None else environment
    carried: dict[str, str] = {}
    for key in CARRIED:
        value = source.get(key, "")
        if not value:
            continue
        if any(ord(char) < 32 for char in value):
            raise BackupwatchError(f"{key} holds a control character", fix=f"Set {key} to a plain path")
        carried[key] = value if key == "USBMUXD_SOCKET_ADDRESS" else str(Path(value).expanduser().absolute())
    return carried
