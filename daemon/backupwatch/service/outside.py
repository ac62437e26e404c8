"""Starting something for the person from within the login service, but outside of its locks and its life."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from backupwatch.service.interpreter import CARRIED

_WANTED: Final = (*CARRIED, "BROWSER", "DISPLAY", "PYTHONSAFEPATH", "WAYLAND_DISPLAY", "XAUTHORITY")
"""What the unit's own definition may have set, and the user manager therefore need not know."""


def outside(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The command that runs ``argv`` as the person's own program, not as a part of the service.

    A child of the service inherits NoNewPrivileges= and RestrictNamespaces=, under which browsers refuse to start,
    and its cgroup, with which it would end. So the user manager is asked to start it, and to let live what it leaves
    behind: a browser that opened a page goes on. The exit code is that of ``argv``. Not under systemd, or without
    systemd-run: ``argv`` itself.
    """
    manager = "INVOCATION_ID" in environ or "NOTIFY_SOCKET" in environ  # systemd.exec(5), sd_notify(3)
    if not manager or shutil.which("systemd-run", path=environ.get("PATH")) is None:
        return list(argv)
    variables = [f"--setenv={name}={environ[name]}" for name in _WANTED if environ.get(name)]
    # The manager expands dollars in what a program is told, but not in the program's own path (systemd.service(5)).
    through = ["/bin/sh", "-c", 'exec "$0" "$@"', *argv]
    words = [word.replace("$", "$$") for word in through]
    options = ["--user", "--quiet", "--collect", "--wait", "--property=KillMode=process", *variables]
    return ["systemd-run", *options, "--", *words]
