"""What the daemon tells the service manager: the sd_notify protocol, which is one datagram per message.

Source: sd_notify(3) of systemd. Without ``NOTIFY_SOCKET`` (a terminal, launchd, a container) every call is a quiet
no-op, so that the daemon need not ask where it runs. Nothing here raises: a lost message must not end the watch.
"""

from __future__ import annotations

import os
import socket
import time

from backupwatch import text

MAX_STATUS = 200
"""Characters of a status line; ``systemctl status`` shows it on one line of a terminal."""


def send(*assignments: str) -> bool:
    """Send ``KEY=VALUE`` assignments in one datagram; whether somebody took them.

    A socket whose name begins with ``@`` lives in Linux's abstract name space, where the first byte is zero.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):  # "" for none; vsock: is for virtual machines as a whole
        return False
    target = "\0" + address[1:] if address[0] == "@" else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(1.0)  # a manager that does not read must not stop the event loop for long
            channel.sendto("\n".join(assignments).encode("utf-8", "replace"), target)
    except OSError:
        return False
    return True


def ready(line: str = "") -> bool:
    """The daemon is usable (also after a reload); with a first status line if there is one."""
    return send("READY=1", *([_status(line)] if line else []))


def status(line: str) -> bool:
    """The one line that ``systemctl status`` and ``backupwatch service status`` show."""
    return send(_status(line))


def watchdog() -> bool:
    """The event loop is alive; called from the event loop itself, every :func:`watchdog_interval`."""
    return send("WATCHDOG=1")


def reloading() -> bool:
    """The configuration is being read again; :func:`ready` must follow.

    The moment is CLOCK_MONOTONIC in microseconds, which newer managers want in order to match the two.
    """
    return send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}")


def stopping(line: str = "") -> bool:
    """The daemon is on its way out."""
    return send("STOPPING=1", *([_status(line)] if line else []))


def watchdog_interval() -> float | None:
    """Seconds between two calls of :func:`watchdog`, or None where nobody waits for them.

    Half of what the manager allows, as sd_watchdog_enabled(3) advises. The variables are inherited by children,
    hence the look at ``WATCHDOG_PID``.
    """
    allowed, owner = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not allowed.isascii() or not allowed.isdigit() or int(allowed) == 0:
        return None
    if owner and owner != str(os.getpid()):
        return None
    return int(allowed) / 2_000_000


def _status(line: str) -> str:
    return f"STATUS={text.plain(line, MAX_STATUS)}"
