"""Runs as the first process of a small world of its own, and sets up in it what a login gives a person.

New mount, process, network and cgroup name spaces are made by ``unshare`` before this starts. Here come: empty
/run, /tmp, /home and /var/log; a pure cgroup2 tree; the loopback interface and no other; a journal; a person named
anna without any privilege; her systemd user manager and her session bus. Prints ``ready`` and reaps children.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

UID = 4242
RUNTIME = Path(f"/run/user/{UID}")
HOME = Path("/home/anna")
CGROUP = Path(f"/sys/fs/cgroup/user.slice/user-{UID}.slice/user@{UID}.service")
ENVIRONMENT = {
    "HOME": str(HOME),
    "USER": "anna",
    "LOGNAME": "anna",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "XDG_RUNTIME_DIR": str(RUNTIME),
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUNTIME}/bus",
}


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def cover(folder: str, keep: list[str]) -> None:
    """An empty, enterable ``folder`` in which only the paths of ``keep`` still stand at their places."""
    inside = [path for path in keep if path == folder or path.startswith(f"{folder}/")]
    for number, path in enumerate(inside):
        Path(f"/run/keep/{number}").mkdir(parents=True, exist_ok=True)
        mount("--bind", path, f"/run/keep/{number}")
    mount("-t", "tmpfs", "-o", "mode=1777" if folder == "/tmp" else "mode=0755", "tmpfs", folder)
    for number, path in enumerate(inside):
        Path(path).mkdir(parents=True, exist_ok=True)
        mount("--move", f"/run/keep/{number}", path)


def closed_ancestor(path: str) -> str | None:
    """The first folder on the way to ``path`` that a stranger may not enter."""
    for folder in reversed(Path(path).parents):
        if not folder.stat().st_mode & 0o001:
            return str(folder)
    return None


def own_cgroups(name: str) -> None:
    """A pure cgroup2 tree whose root is a group of this world alone."""
    mount("-t", "cgroup2", "none", "/sys/fs/cgroup")
    group = Path("/sys/fs/cgroup", name)
    group.mkdir()
    (group / "cgroup.procs").write_text("0")
    if ctypes.CDLL(None).unshare(0x02000000):  # CLONE_NEWCGROUP: our group is the root from here on
        sys.exit("no cgroup name space")
    subprocess.run(["umount", "/sys/fs/cgroup"], check=True)
    mount("-t", "cgroup2", "none", "/sys/fs/cgroup")


def loopback_up() -> None:
    """ip link set lo up, by ioctl (netdevice(7): SIOCSIFFLAGS, IFF_UP | IFF_RUNNING)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))


def wait_for(what: str, there: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not there():  # type: ignore[operator]
        if time.monotonic() > end:
            sys.exit(f"no {what} after {seconds:.0f} s")
        time.sleep(0.02)


def as_anna(argv: list[str], cgroup: Path | None = None) -> subprocess.Popen[bytes]:
    join = f'echo $$ > "{cgroup}/cgroup.procs"; ' if cgroup else ""
    drop = f"exec setpriv --reuid={UID} --regid={UID} --clear-groups --inh-caps=-all --bounding-set=-all -- " + '"$@"'
    return subprocess.Popen(
        ["/bin/sh", "-c", join + drop, "sh", *argv], env=ENVIRONMENT, cwd=HOME, stdin=subprocess.DEVNULL
    )


def main(plan: dict[str, list[str]]) -> None:
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    for file in plan["share"]:
        Path("/run/share").mkdir(exist_ok=True)
        shutil.copy(file, "/run/share/")
    covered = {"/tmp", "/home", "/var/log"} | {place for path in plan["keep"] if (place := closed_ancestor(path))}
    for folder in sorted(covered):
        cover(folder, plan["keep"])
    own_cgroups(plan["cgroup"][0])
    loopback_up()

    for name, line in (("passwd", f"anna:x:{UID}:{UID}:Anna:{HOME}:/bin/sh\n"), ("group", f"anna:x:{UID}:\n")):
        Path(f"/run/{name}").write_text(line + Path(f"/etc/{name}").read_text())
        mount("--bind", f"/run/{name}", f"/etc/{name}")
    machine = Path("/run/machine-id")
    machine.write_text("b4c0ffee" * 4 + "\n")
    Path("/etc/machine-id").touch()
    mount("--bind", str(machine), "/etc/machine-id")

    CGROUP.mkdir(parents=True)
    for path in (CGROUP, *(CGROUP / name for name in ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control"))):
        os.chown(path, UID, UID)
    for folder in (RUNTIME, HOME):
        folder.mkdir(parents=True, mode=0o700)
        os.chown(folder, UID, UID)
    Path("/run/systemd/system").mkdir(parents=True)  # what says that systemd is the init system
    Path("/run/systemd/journal").mkdir(parents=True)
    (Path("/var/log/journal") / machine.read_text().strip()).mkdir(parents=True)
    if journald := next(
        (
            path
            for path in ("/lib/systemd/systemd-journald", "/usr/lib/systemd/systemd-journald")
            if Path(path).exists()
        ),
        None,
    ):
        subprocess.Popen([journald], stdin=subprocess.DEVNULL)
        wait_for("journal", Path("/run/systemd/journal/stdout").is_socket)
        subprocess.run(["journalctl", "--flush"], check=True)  # to /var/log, where every person has a journal

    own_bus = not any(
        Path(path).exists() for path in ("/usr/lib/systemd/user/dbus.socket", "/lib/systemd/user/dbus.socket")
    )
    if own_bus:
        as_anna(["dbus-daemon", "--session", f"--address=unix:path={RUNTIME}/bus", "--nofork", "--nopidfile"])
        wait_for("session bus", (RUNTIME / "bus").is_socket)
    systemd = "/lib/systemd/systemd" if Path("/lib/systemd/systemd").exists() else "/usr/lib/systemd/systemd"
    as_anna([systemd, "--user", "--log-target=journal"], CGROUP)
    wait_for("user manager", (RUNTIME / "systemd" / "private").is_socket)
    wait_for("session bus", (RUNTIME / "bus").is_socket)
    print("ready", flush=True)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            sys.exit("everything has ended")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
