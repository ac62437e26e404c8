"""What is said to launchctl, and what becomes of its answers; recorded, since launchd runs on a Mac alone."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupwatch import __version__, paths
from backupwatch.errors import BackupwatchError
from backupwatch.service.launchd import Launchd
from backupwatch.service.runner import NOT_FOUND, Ran

DOMAIN = f"gui/{os.getuid()}"
TARGET = f"{DOMAIN}/backupwatch"


class Mac:
    """A launchd that behaves as launchctl(1) says, and remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[list[str]] = []
        self.loaded = self.running = self.disabled = False
        self.session = True
        self.pid = 400
        self.exits_with: int | None = None
        self.leaving = 0
        self.tailed: list[list[str]] = []

    def __call__(self, argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        if argv[0] != "launchctl":
            return Ran(0, __version__)  # the interpreter, asked for its version
        self.said.append(list(argv[1:]))
        return getattr(self, argv[1].replace("-", "_"))(*argv[2:])

    def print(self, target: str) -> Ran:
        if target == DOMAIN:
            return Ran(0) if self.session else Ran(125, "", "Domain does not support specified action")
        if self.leaving:
            self.leaving -= 1
            return Ran(0, "state = running")
        if not self.loaded:
            return Ran(113, "", f'Could not find service "backupwatch" in domain for {DOMAIN}')
        pid = f"\tpid = {self.pid}\n" if self.running else ""
        last = "(never exited)" if self.exits_with is None else self.exits_with
        return Ran(
            0,
            f"{TARGET} = {{\n\tstate = {'running' if self.running else 'not running'}\n{pid}\tlast exit code = {last}\n}}",
        )

    def bootstrap(self, domain: str, path: str) -> Ran:
        assert domain == DOMAIN
        plistlib.loads(Path(path).read_bytes())
        if self.loaded:
            return Ran(5, "", "Bootstrap failed: 5: Input/output error")
        if self.disabled:
            return Ran(119, "", "Bootstrap failed: 119: Service is disabled")
        self.loaded, self.running = True, self.exits_with is None
        return Ran(0)

    def bootout(self, target: str) -> Ran:
        if not self.loaded:
            return Ran(3, "", "Boot-out failed: 3: No such process")
        self.loaded = self.running = False
        return Ran(0)

    def kickstart(self, *arguments: str) -> Ran:
        if "-k" in arguments:
            self.pid += 1
        self.running = self.exits_with is None
        return Ran(0)

    def enable(self, target: str) -> Ran:
        self.disabled = False
        return Ran(0)

    def print_disabled(self, domain: str) -> Ran:
        return Ran(0, f'disabled services = {{\n\t"backupwatch" => {"disabled" if self.disabled else "enabled"}\n}}')


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mac:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    for name in ("BACKUPWATCH_CONFIG", "BACKUPWATCH_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return Mac()


def service(mac: Mac) -> Launchd:
    def tail(argv: Sequence[str]) -> int:
        mac.tailed.append(list(argv))
        return 0

    return Launchd(mac, tail, lambda: datetime(2026, 11, 22, tzinfo=UTC), sleep=lambda _seconds: None)


def verbs(mac: Mac) -> list[str]:
    return [said[0] for said in mac.said if said[0] not in {"print", "print-disabled"}]


def test_install_loads_and_starts_the_agent_and_says_so(mac: Mac) -> None:
    """One command: written, enabled, loaded, started, and seen to stay up."""
    done = service(mac).install()

    assert verbs(mac) == ["bootout", "enable", "bootstrap", "kickstart"]
    assert ["bootstrap", DOMAIN, str(service(mac).definition())] in mac.said
    assert "runs now" in done.runs
    assert str(paths.launchd_log()) in done.log
    assert "uninstall" in done.removal
    status = service(mac).status()
    assert (status.state, status.enabled, status.pid, status.version) == ("running", True, 400, __version__)
    assert status.python == Path(sys.executable)


def test_the_log_folder_exists_before_launchd_needs_it(mac: Mac) -> None:
    """launchd makes no folders, and an agent whose log cannot be opened does not start."""
    service(mac).install()

    agent = plistlib.loads(service(mac).definition().read_bytes())
    assert Path(agent["StandardErrorPath"]).parent.is_dir()


def test_installing_over_a_running_agent_takes_it_out_first(mac: Mac) -> None:
    """launchctl refuses to load a label twice, and says only "Input/output error"."""
    service(mac).install()
    mac.said.clear()

    service(mac).install()

    assert verbs(mac).index("bootout") < verbs(mac).index("bootstrap")
    assert mac.running


def test_an_agent_that_was_switched_off_is_switched_on_again(mac: Mac) -> None:
    """A label that was disabled once would be refused for ever."""
    mac.disabled = True
    service(mac).install()
    assert mac.running


def test_a_changed_agent_file_is_kept_aside_and_said(mac: Mac) -> None:
    """Nobody's own work is overwritten."""
    service(mac).install()
    file = service(mac).definition()
    file.write_text(file.read_text().replace("<integer>30</integer>", "<integer>60</integer>"))

    done = service(mac).install()

    (kept,) = file.parent.glob("*.edited-*")
    assert "<integer>60</integer>" in kept.read_text()
    assert any(kept.name in note for note in done.notes)


def test_stop_start_and_restart_speak_of_the_same_agent(mac: Mac) -> None:
    """Stopping unloads it until the next login; restarting replaces the process."""
    agent = service(mac)
    agent.install()
    agent.stop()
    assert agent.status().state == "stopped"

    agent.start()
    assert agent.status().state == "running"
    before = mac.pid
    mac.said.clear()
    agent.restart()

    assert verbs(mac) == ["enable", "kickstart"]
    assert ["kickstart", "-k", TARGET] in mac.said
    assert mac.pid != before


@pytest.mark.parametrize(("code", "words", "exit_code"), [(2, "config check", 2), (1, "service logs", 1)])
def test_an_agent_that_does_not_stay_up_is_said(mac: Mac, code: int, words: str, exit_code: int) -> None:
    """A wrong configuration and any other failure are told apart."""
    mac.exits_with = code
    with pytest.raises(BackupwatchError) as caught:
        service(mac).install()
    assert words in caught.value.line()
    assert caught.value.exit_code == exit_code


def test_uninstall_leaves_neither_agent_nor_log(mac: Mac) -> None:
    """And is harmless the second time."""
    agent = service(mac)
    agent.install()
    paths.launchd_log().write_text("{}\n")
    paths.launchd_log().with_suffix(".log.1").write_text("{}\n")

    assert agent.uninstall() == ["The service is gone."]

    assert not mac.loaded
    assert not agent.definition().exists()
    assert not paths.launchd_log().parent.exists()
    assert agent.uninstall() == ["The service was not installed."]


def test_without_a_screen_or_as_root_nothing_is_written(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent needs a person who is logged in."""
    mac.session = False
    with pytest.raises(BackupwatchError, match="graphical session"):
        service(mac).install()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(BackupwatchError, match="without sudo"):
        service(mac).install()
    assert not service(mac).definition().exists()


def test_logs_follow_the_file_that_launchd_writes(mac: Mac) -> None:
    """As tail does, also after the file was replaced."""
    with pytest.raises(BackupwatchError, match="no log"):
        service(mac).logs(follow=True, lines=10)
    service(mac).install()
    paths.launchd_log().write_text("{}\n")

    service(mac).logs(follow=True, lines=10)

    assert mac.tailed == [["tail", "-n", "10", "-F", str(paths.launchd_log())]]


def test_a_program_that_cannot_be_found_without_this_shell_is_not_installed(mac: Mac) -> None:
    """What runs by PYTHONPATH or from the current folder alone would not run as a service."""

    def lost(argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        return mac(argv, timeout=timeout) if argv[0] == "launchctl" else Ran(NOT_FOUND)

    with pytest.raises(BackupwatchError, match="does not find backupwatch"):
        Launchd(lost, None, sleep=lambda _seconds: None).install()
    assert not service(mac).definition().exists()
