"""The login service on Linux: a unit of the systemd user manager."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from backupwatch import __version__, paths, text
from backupwatch.clock import Clock, utc_now
from backupwatch.errors import BackupwatchError
from backupwatch.service import definition
from backupwatch.service.interpreter import carried_variables, interpreter, prove
from backupwatch.service.manager import Installed, Status, Tail
from backupwatch.service.runner import Ran, Runner, run

UNIT = "backupwatch.service"
START_LIMIT_S = 75.0
"""Seconds to wait for a start: TimeoutStartSec of the unit and a little more."""

_SAFE_PROGRAM = re.compile(r"^[^\x00-\x1f\x7f\"'\\$]+$")
"""systemd refuses quotes and backslashes in a program's path, and expands ``$`` in what the program is told of it."""

TEMPLATE = "systemd/backupwatch.service"


def quote(word: str) -> str:
    """One word for a unit file, in double quotes (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers")."""
    out = []
    for char in word.replace("%", "%%"):
        if char in '\\"':
            out.append(f"\\{char}")
        elif ord(char) < 32 or ord(char) == 127:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return f'"{"".join(out)}"'


def exec_start(python: Path) -> str:
    """The value of ExecStart=: plain where systemd takes the path, through ``sh`` where it would not."""
    if _SAFE_PROGRAM.match(str(python)):
        return f"{quote(str(python))} -m backupwatch run"
    argument = quote(str(python)).replace("$", "$$")
    return f"""/bin/sh -c 'exec "$$0" -m backupwatch run' {argument}"""


def render(python: Path, variables: Mapping[str, str], *, template: str | None = None) -> str:
    """The whole unit file.

    :param python: absolute path of the interpreter.
    :param variables: what the service shall find in its environment.
    :raises BackupwatchError: a path that is not text.
    """
    try:
        str(python).encode()
    except UnicodeEncodeError as error:
        raise BackupwatchError(
            "The path of the Python interpreter is not valid UTF-8",
            meaning="systemd cannot be told to start it",
            fix="Install backupwatch in a folder with a plain name",
        ) from error
    content = paths.shipped(TEMPLATE).read_text("utf-8") if template is None else template
    environment = "\n".join(f"Environment={quote(f'{key}={value}')}" for key, value in sorted(variables.items()))
    content = content.replace("@EXEC_START@", exec_start(python))
    content = content.replace("@ENVIRONMENT@\n", f"{environment}\n" if environment else "")
    return definition.stamped(content, __version__)


class Systemd:
    """Everything that ``backupwatch service`` does, told to ``systemctl --user``."""

    name = "systemd"

    def __init__(self, runner: Runner = run, tail: Tail | None = None, clock: Clock = utc_now) -> None:
        self._run = runner
        self._tail = tail
        self._clock: Callable[[], datetime] = clock

    # -- what is there ---------------------------------------------------------------------------------------

    def trouble(self) -> BackupwatchError | None:
        """Why there is no user manager to talk to, or None."""
        if self._ctl("show-environment").ok:
            return None
        if os.geteuid() == 0 and os.environ.get("SUDO_USER"):
            return BackupwatchError(
                "The service belongs to a person, and this runs through sudo", fix="Run the same command without sudo"
            )
        return BackupwatchError(
            "The systemd user manager does not answer here",
            meaning="That happens after su or sudo, or when nobody is logged in",
            fix="Log in as the person whose iPhones are watched and run the command there, or start: backupwatch run",
        )

    def definition(self) -> Path:
        """Where the unit file belongs: the folder that the user manager itself reads."""
        home = Path.home() / ".config" / "systemd" / "user"
        named = os.environ.get("XDG_CONFIG_HOME")
        if not named:
            return home / UNIT
        # The shell may know another XDG_CONFIG_HOME than the manager, which then would never see the file.
        chosen = Path(named).expanduser().absolute() / "systemd" / "user"
        return (chosen if str(chosen) in self._ctl("show", "--property=UnitPath", "--value").out else home) / UNIT

    def wanted(self) -> str:
        """The unit file as this installation would write it."""
        return render(interpreter(), carried_variables())

    def status(self) -> Status:
        """What runs and what is installed; never raises for a manager that is not there."""
        path = self.definition()
        found = definition.find(path)
        shown = self._show("ActiveState", "SubState", "StatusText", "MainPID", "UnitFileState", "Result", "NRestarts")
        state = shown.get("ActiveState", "")
        words = {"active": "running", "reloading": "running", "activating": "starting", "deactivating": "stopping"}
        return Status(
            definition=path,
            installed=found is not None,
            version=found.version if found else "",
            edited=bool(found and not found.ours),
            enabled=shown.get("UnitFileState") == "enabled",
            state=words.get(state, "failed" if state == "failed" else "stopped"),
            pid=int(shown.get("MainPID", "0") or 0) or None,
            text=text.plain(shown.get("StatusText", ""), 200),
            detail=_why(shown),
            python=_python_of(found.text) if found else None,
        )

    # -- what people ask for ---------------------------------------------------------------------------------

    def install(self) -> Installed:
        """Write the unit, enable it, start it, wait until it is ready.

        :raises BackupwatchError: and the old state stays, except that a unit that was written but did not start
            is left for ``service status`` and ``service logs`` to look at.
        """
        if trouble := self.trouble():
            raise trouble
        path, python = self.definition(), interpreter()
        prove(python, self._run)
        if path.is_symlink() and path.readlink() == Path("/dev/null"):
            raise BackupwatchError(f"{UNIT} is masked", fix=f"Run: systemctl --user unmask {UNIT}")
        notes, content = [], render(python, carried_variables())
        found = definition.find(path)
        if found is not None and not found.ours:
            notes.append(f"Your changed unit file was kept aside as {definition.keep_aside(path, self._clock())}.")
        elif found is not None and found.version != __version__:
            notes.append(f"The service was of version {text.plain(found.version, 20)} and is now of {__version__}.")
        definition.write(path, content)
        self._must("daemon-reload")
        self._must("enable", UNIT)
        self._ctl("reset-failed", UNIT)
        self._start("restart")
        status = self.status()
        if self._ends_with_logout():
            notes.append("Without a desktop the watch ends when you log out. To keep it: loginctl enable-linger")
        return Installed(
            runs=f"backupwatch runs now and starts whenever you log in{_in_brackets(status.text)}.",
            log="Its log: backupwatch service logs",
            removal="To remove it: backupwatch service uninstall",
            notes=tuple(notes),
        )

    def uninstall(self) -> list[str]:
        """Stop it, forget it, delete the unit; what is worth saying, as sentences. Harmless when not installed."""
        path = self.definition()
        reachable = self.trouble() is None
        if reachable:
            self._ctl("disable", "--now", UNIT, timeout=60.0)
        else:  # the user manager is gone, its links are still ours to take away
            definition.remove(path.parent / "default.target.wants" / UNIT)
        found = definition.find(path)
        said = []
        if found is not None and not found.ours:
            said.append(f"Your changed unit file was kept as {definition.keep_aside(path, self._clock())}.")
        removed = definition.remove(path) or found is not None
        if reachable:
            self._ctl("daemon-reload")
            self._ctl("reset-failed", UNIT)
        if (drop_ins := path.with_name(f"{UNIT}.d")).is_dir():
            said.append(f"Your own settings for the service are still in {drop_ins}.")
        _rmdir_empty(path.parent)
        return [*said, "The service is gone." if removed else "The service was not installed."]

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._need_installed()
        self._ctl("reset-failed", UNIT)
        self._start("start")

    def stop(self) -> None:
        """Stop it until the next login."""
        self._need_installed()
        self._must("stop", UNIT, timeout=60.0)

    def restart(self) -> None:
        """Stop and start it, and wait until it is ready."""
        self._need_installed()
        self._ctl("reset-failed", UNIT)
        self._start("restart")

    def logs(self, *, follow: bool, lines: int) -> int:
        """Hand the terminal to journalctl; its exit code.

        :raises BackupwatchError: no journal that this person may read.
        """
        probe = self._run(["journalctl", "--user", "--unit", UNIT, "--lines=1", "--quiet", "--no-pager"])
        if not probe.ok or "No journal files" in probe.err + probe.out:
            raise BackupwatchError(
                "The journal cannot be read here",
                meaning="systemd-journald keeps none for you, or it is not there",
                fix=f"Run: sudo journalctl _SYSTEMD_USER_UNIT={UNIT} (a folder /var/log/journal makes it yours, too)",
            )
        argv = ["journalctl", "--user", "--unit", UNIT, f"--lines={lines}", "--output=short-iso", "--no-hostname"]
        argv.append("--follow" if follow else "--no-pager")
        return self._tail(argv) if self._tail else 0

    # -- helpers ---------------------------------------------------------------------------------------------

    def _ctl(self, *arguments: str, timeout: float = 30.0) -> Ran:
        return self._run(["systemctl", "--user", *arguments], timeout=timeout)

    def _must(self, *arguments: str, timeout: float = 30.0) -> None:
        ran = self._ctl(*arguments, timeout=timeout)
        if not ran.ok:
            raise BackupwatchError(
                f"systemctl --user {' '.join(arguments)} failed: {text.plain(ran.err or ran.out, 200)}",
                fix="backupwatch service status says how things stand",
            )

    def _show(self, *properties: str) -> dict[str, str]:
        ran = self._ctl("show", UNIT, f"--property={','.join(properties)}")
        pairs = (line.partition("=") for line in ran.out.splitlines()) if ran.ok else ()
        return {key: value for key, _, value in pairs}

    def _start(self, verb: str) -> None:
        """``start`` or ``restart`` return when the daemon has said that it is ready, or when it failed."""
        ran = self._ctl(verb, UNIT, timeout=START_LIMIT_S)
        shown = self._show("ActiveState", "Result", "ExecMainStatus", "ExecMainCode")
        if ran.ok and shown.get("ActiveState") == "active":
            return
        if shown.get("ExecMainStatus") == "2":
            raise BackupwatchError(
                "The service does not start, because the configuration cannot be used",
                fix="backupwatch config check says where",
                exit_code=2,
            )
        raise BackupwatchError(
            f"The service does not start ({_why(shown) or text.plain(ran.err or ran.out, 120) or 'no reason given'})",
            meaning=self._last_words(),
            fix="See: backupwatch service logs, backupwatch doctor",
        )

    def _last_words(self) -> str:
        """The last line that the daemon itself wrote, or ""."""
        argv = ["journalctl", "--user", "--unit", UNIT, "--identifier=backupwatch", "--output=cat", "--lines=1"]
        ran = self._run([*argv, "--quiet", "--no-pager"])
        return f"It said: {text.plain(ran.out, 200)}" if ran.ok and ran.out else ""

    def _ends_with_logout(self) -> bool:
        """Whether nothing keeps the user manager alive after the last terminal closes; on a desktop nobody minds."""
        if any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP")):
            return False
        ran = self._run(["loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"])
        return ran.ok and ran.out == "no"

    def _need_installed(self) -> None:
        if trouble := self.trouble():
            raise trouble
        if definition.find(self.definition()) is None:
            raise BackupwatchError("The service is not installed", fix="Run: backupwatch service install")


def _why(shown: Mapping[str, str]) -> str:
    """systemd's ``Result`` in words (systemd.service(5), ``$SERVICE_RESULT``)."""
    words = {
        "exit-code": "it ended with an error",
        "signal": "it was ended by a signal",
        "core-dump": "it crashed",
        "watchdog": "it hung and was ended",
        "timeout": "it was not ready in time",
        "start-limit-hit": "it failed too often in a short time",
        "resources": "systemd lacked something to start it",
        "oom-kill": "it used too much memory",
        "protocol": "it ended without saying that it was ready",
    }
    return words.get(shown.get("Result", ""), "")


def _in_brackets(line: str) -> str:
    return f" ({line})" if line else ""


def _python_of(unit: str) -> Path | None:
    """The interpreter that a unit of ours starts, or None for one that we cannot read."""
    match = re.search(r'^ExecStart=.*?"((?:[^"\\]|\\.)+)"(?: -m backupwatch run)?$', unit, re.MULTILINE)
    if match is None:
        return None
    word = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), match[1])
    word = re.sub(r"\\(.)", r"\1", word).replace("%%", "%")
    through_shell = "ExecStart=/bin/sh " in match[0]
    return Path(word.replace("$$", "$") if through_shell else word)


def _rmdir_empty(folder: Path) -> None:
    """Take away the folders that only we needed: ``default.target.wants`` and systemd's own, when empty."""
    for empty in (folder / "default.target.wants", folder):
        try:
            empty.rmdir()
        except OSError:
            continue
