"""A real systemd user manager for tests: a person named anna, logged in to a world with only a loopback interface."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inside import ENVIRONMENT, HOME, UID

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
VENV = HOME / 'My "tools" 50% für $HOME it\'s' / "venv"
"""A path with everything in it that a unit file could stumble over."""

NEEDED = ("unshare", "nsenter", "setpriv", "systemctl", "journalctl", "dbus-daemon")


def missing() -> str | None:
    """Why no user manager can be had here, or None."""
    if os.geteuid() != 0:
        return "making name spaces needs root"
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def wheel(folder: Path) -> Path:
    """The project's wheel, built from this checkout without any download."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


class UserManager:
    """The running world; everything in it ends with :meth:`end`."""

    def __init__(self, share: list[Path]) -> None:
        site = str(Path(json.__file__).parents[1])  # the standard library, for its root below
        keep = [sys.base_prefix, sys.prefix, *(path for path in sys.path if path.endswith("site-packages"))]
        self._cgroup = f"backupwatch-test-{os.getpid()}"
        plan = {"share": [str(path) for path in share], "keep": _outermost([*keep, site]), "cgroup": [self._cgroup]}
        self._outer = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--",
             sys.executable, str(HERE / "inside.py"), json.dumps(plan)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._outer.stdout is not None
        for line in self._outer.stdout:
            if line.strip() == b"ready":
                break
        else:
            raise RuntimeError(self._outer.communicate()[1].decode())
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self._first = children[0]

    def _enter(self, argv: list[str], environment: dict[str, str], *, root: bool) -> list[str]:
        enter = ["nsenter", f"--target={self._first}", "--mount", "--pid", "--net", "--cgroup", "--"]
        drop = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "--"]
        pairs = [f"{key}={value}" for key, value in {**ENVIRONMENT, **environment}.items()]
        return [*enter, *([] if root else drop), "env", "-C", str(HOME), "-i", *pairs, *argv]

    def run(
        self, *argv: str, env: dict[str, str] | None = None, root: bool = False, ok: bool = True, timeout: float = 90
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as anna (or as root) to its end; with ``ok`` a failure fails the test with its words."""
        done = subprocess.run(
            self._enter(list(argv), env or {}, root=root),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if ok and done.returncode:
            raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.journal()}")
        return done

    def start(self, *argv: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a program as anna; :meth:`finish` ends it, or it ends with this world."""
        return subprocess.Popen(
            self._enter(list(argv), env or {}, root=False),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> None:
        """End what :meth:`start` started: the program itself, not only the door through which it came."""
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()

    def path(self, inside: str | Path) -> Path:
        """A path of that world, as seen from the test."""
        return Path(f"/proc/{self._first}/root{inside}")

    def write(self, inside: str | Path, text: str) -> None:
        """A file of anna's."""
        path = self.path(inside)
        made = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        for folder in made:
            os.chown(folder, UID, UID)

    def ctl(self, *arguments: str, ok: bool = True) -> str:
        """``systemctl --user``'s answer."""
        return self.run("systemctl", "--user", *arguments, ok=ok).stdout.strip()

    def show(self, name: str, unit: str = "backupwatch.service") -> str:
        """One property of a unit."""
        return self.ctl("show", unit, f"--property={name}", "--value")

    def journal(self) -> str:
        """Everything that the person's journal holds about the service."""
        return subprocess.run(
            self._enter(["journalctl", "--user", "--no-pager", "-o", "short"], {}, root=False),
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip

    def until(self, what: str, there: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something is so; generous, since it is no measurement."""
        end = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < end, f"{what}: not so after {seconds} s\n{self.journal()}"
            time.sleep(0.05)

    def end(self) -> None:
        """End everything in this world."""
        self._outer.send_signal(signal.SIGKILL)  # --kill-child takes the first process with it, and it the rest
        self._outer.communicate()
        mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
        for point in [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]:
            for folder, _, _ in os.walk(point / self._cgroup, topdown=False):
                while Path(folder).exists():
                    try:
                        Path(folder).rmdir()
                    except OSError:  # the last of its processes is still being buried
                        time.sleep(0.01)


def _outermost(paths: list[str]) -> list[str]:
    wanted = sorted({str(Path(path).absolute()) for path in paths})
    return [path for path in wanted if not any(path.startswith(f"{other}/") for other in wanted)]


def install_program(machine: UserManager, built: Path, venv: Path) -> None:
    """A virtual environment with the wheel; its dependencies are those of the test run, so nothing is downloaded."""
    machine.run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    site = json.loads(
        machine.run(str(venv / "bin/python"), "-c", "import json,site;print(json.dumps(site.getsitepackages()))").stdout
    )[0]
    machine.write(Path(site) / "of-the-test-run.pth", packages + "\n")
    machine.run(
        sys.executable, "-m", "pip", "--python", str(venv / "bin/python"), "install", "--quiet", "--no-deps",
        "--no-index", "--no-compile", "--force-reinstall", str(built),
    )  # fmt: skip
