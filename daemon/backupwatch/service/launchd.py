"""The login service on macOS: a launchd agent of the graphical session.

Commands and their exit codes are those of launchctl(1), keys those of launchd.plist(5).
"""

from __future__ import annotations

import contextlib
import os
import plistlib
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from backupwatch import __version__, paths, text
from backupwatch.clock import Clock, utc_now
from backupwatch.errors import BackupwatchError
from backupwatch.service import definition
from backupwatch.service.interpreter import carried_variables, interpreter, prove
from backupwatch.service.manager import Installed, Status, Tail
from backupwatch.service.runner import Ran, Runner, run

LABEL = "backupwatch"
TEMPLATE = "launchd/backupwatch.plist"

_GONE = frozenset({3, 113})
"""launchctl's "no such process" and "could not find service": what is not there need not be taken away."""

_ALREADY = 37
"""launchctl's "operation already in progress", said while an agent is still on its way out."""

SETTLED_S = 3.0
"""launchd knows no readiness; a process that lives this long has read its configuration and begun to watch."""


def render(python: Path, variables: Mapping[str, str], log: Path, *, template: bytes | None = None) -> str:
    """The whole agent file as XML, values escaped by plistlib."""
    source = paths.shipped(TEMPLATE).read_bytes() if template is None else template
    agent: dict[str, Any] = plistlib.loads(source)
    filled = {"@PYTHON@": str(python), "@LOG@": str(log)}
    agent["ProgramArguments"] = [filled.get(word, word) for word in agent["ProgramArguments"]]
    agent["EnvironmentVariables"] = {**agent["EnvironmentVariables"], **variables}
    for key in ("StandardOutPath", "StandardErrorPath"):
        agent[key] = filled[agent[key]]
    try:
        content = plistlib.dumps(agent, sort_keys=False).decode()
    except (ValueError, UnicodeEncodeError) as error:
        raise BackupwatchError(
            "A path holds a character that no property list can hold",
            meaning="launchd cannot be told to start it",
            fix="Install backupwatch in a folder with a plain name",
        ) from error
    head, doctype, rest = content.partition('DTDs/PropertyList-1.0.dtd">\n')
    return definition.stamped(f"{head}{doctype}<!-- @STAMP@ -->\n{rest}", __version__, comment=("<!-- ", " -->"))


class Launchd:
    """Everything that ``backupwatch service`` does, told to ``launchctl``."""

    name = "launchd"

    def __init__(
        self,
        runner: Runner = run,
        tail: Tail | None = None,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._run = runner
        self._tail = tail
        self._clock: Callable[[], datetime] = clock
        self._sleep = sleep
        self._domain = f"gui/{os.getuid()}"
        self._target = f"{self._domain}/{LABEL}"

    # -- what is there ---------------------------------------------------------------------------------------

    def trouble(self) -> BackupwatchError | None:
        """Why there is no graphical session to talk to, or None."""
        if os.geteuid() == 0:
            return BackupwatchError(
                "The service belongs to a person, and this runs as root", fix="Run the same command without sudo"
            )
        if self._ctl("print", self._domain).ok:
            return None
        return BackupwatchError(
            "There is no graphical session of yours on this Mac",
            meaning="Notifications need one",
            fix="Log in at the screen and run the command in Terminal there",
        )

    def definition(self) -> Path:
        """The agent file."""
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def status(self) -> Status:
        """What runs and what is installed; never raises for a manager that is not there."""
        path = self.definition()
        found = definition.find(path)
        ran = self._ctl("print", self._target)
        pid = _field(ran, r"pid = (\d+)")
        last = _field(ran, r"last exit code = (\d+)")
        failed = pid is None and last not in (None, "0")
        return Status(
            definition=path,
            installed=found is not None,
            version=found.version if found else "",
            edited=bool(found and not found.ours),
            enabled=ran.ok and not self._disabled(),
            state="running" if pid else "failed" if failed else "stopped",
            pid=int(pid) if pid else None,
            text="",
            detail=f"it ended with code {last}" if failed else "",
            python=_python_of(found.text) if found else None,
        )

    # -- what people ask for ---------------------------------------------------------------------------------

    def install(self) -> Installed:
        """Write the agent, load it, start it, wait until it stays up.

        :raises BackupwatchError: as :meth:`Systemd.install`.
        """
        if trouble := self.trouble():
            raise trouble
        path, python, log = self.definition(), interpreter(), paths.launchd_log()
        prove(python, self._run)
        content, notes = render(python, carried_variables(), log), []
        paths.private_dir(log.parent)  # launchd makes no folders, and without this one the agent would not start
        found = definition.find(path)
        if found is not None and not found.ours:
            notes.append(f"Your changed agent file was kept aside as {definition.keep_aside(path, self._clock())}.")
        elif found is not None and found.version != __version__:
            notes.append(f"The service was of version {text.plain(found.version, 20)} and is now of {__version__}.")
        definition.write(path, content)
        self._bootout()  # bootstrap refuses a label that is loaded (error 5)
        self._load()
        return Installed(
            runs="backupwatch runs now and starts whenever you log in.",
            log=f"Its log: {log}",
            removal="To remove it: backupwatch service uninstall",
            notes=(*notes, "macOS may say that a background item was added; that is this."),
        )

    def uninstall(self) -> list[str]:
        """Stop it, forget it, delete agent and log; what is worth saying, as sentences."""
        path = self.definition()
        self._bootout()
        found = definition.find(path)
        said = []
        if found is not None and not found.ours:
            said.append(f"Your changed agent file was kept as {definition.keep_aside(path, self._clock())}.")
        removed = definition.remove(path) or found is not None
        for log in paths.launchd_log().parent.glob("daemon.log*"):
            definition.remove(log)
        with contextlib.suppress(OSError):
            paths.launchd_log().parent.rmdir()
        return [*said, "The service is gone." if removed else "The service was not installed."]

    def start(self) -> None:
        """Start it and wait until it stays up."""
        self._need_installed()
        self._load()

    def stop(self) -> None:
        """Stop it until the next login: an unloaded agent is loaded again then."""
        self._need_installed()
        self._bootout()

    def restart(self) -> None:
        """Stop it, start it, wait until it stays up."""
        self._need_installed()
        self._load(kill=True)

    def logs(self, *, follow: bool, lines: int) -> int:
        """Hand the terminal to tail; its exit code.

        :raises BackupwatchError: there is no log yet.
        """
        log = paths.launchd_log()
        if not log.exists():
            raise BackupwatchError(
                f"There is no log at {log}",
                meaning="The service has not run yet",
                fix="Run: backupwatch service install",
            )
        return self._tail(["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]) if self._tail else 0

    # -- helpers ---------------------------------------------------------------------------------------------

    def _ctl(self, *arguments: str) -> Ran:
        return self._run(["launchctl", *arguments])

    def _load(self, *, kill: bool = False) -> None:
        """Make it known if it is not, start it, and see that the same process is still there a little later."""
        self._ctl("enable", self._target)  # a label that was disabled once is refused for ever otherwise
        if not self._ctl("print", self._target).ok:
            for _ in range(5):
                ran = self._ctl("bootstrap", self._domain, str(self.definition()))
                if ran.code != _ALREADY:
                    break
                self._sleep(1.0)
            if not ran.ok:
                raise BackupwatchError(
                    f"launchctl does not take the agent: {text.plain(ran.err or ran.out, 160)} ({ran.code})",
                    fix="Look at System Settings > General > Login Items & Extensions, and allow backupwatch there",
                )
        self._ctl("kickstart", *(["-k"] if kill else []), self._target)
        before = self.status()
        self._sleep(SETTLED_S)
        after = self.status()
        if after.state == "running" and (before.pid is None or before.pid == after.pid):
            return
        if after.detail.endswith(" 2"):
            raise BackupwatchError(
                "The service does not start, because the configuration cannot be used",
                fix="backupwatch config check says where",
                exit_code=2,
            )
        raise BackupwatchError(
            f"The service does not stay up ({after.detail or 'no reason given'})",
            fix="backupwatch service logs shows its last words, backupwatch doctor what it may lack",
        )

    def _bootout(self) -> None:
        ran = self._ctl("bootout", self._target)
        if not ran.ok and ran.code not in _GONE | {_ALREADY}:
            raise BackupwatchError(f"launchctl cannot stop the service: {text.plain(ran.err or ran.out, 160)}")
        for _ in range(20):  # bootout answers before the process is gone
            if not self._ctl("print", self._target).ok:
                return
            self._sleep(1.0)

    def _disabled(self) -> bool:
        return bool(re.search(rf'"{LABEL}" => (?:true|disabled)', self._ctl("print-disabled", self._domain).out))

    def _need_installed(self) -> None:
        if trouble := self.trouble():
            raise trouble
        if definition.find(self.definition()) is None:
            raise BackupwatchError("The service is not installed", fix="Run: backupwatch service install")


def _field(ran: Ran, pattern: str) -> str | None:
    match = re.search(rf"^\s*{pattern}$", ran.out, re.MULTILINE) if ran.ok else None
    return match[1] if match else None


def _python_of(content: str) -> Path | None:
    """The interpreter that an agent of ours starts, or None for one that we cannot read."""
    try:
        return Path(plistlib.loads(content.encode())["ProgramArguments"][0])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ExpatError):
        return None
