"""The login service from its installation to its end, in a real systemd user manager, from an installed wheel."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inside import HOME
from user_manager import VENV, UserManager

pytestmark = pytest.mark.systemd

UNITS = HOME / ".config/systemd/user"
UNIT = UNITS / "backupwatch.service"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def backupwatch(machine: UserManager) -> Iterator[Command]:
    """The installed command, run by anna; afterwards her home is as before."""

    def command(
        *arguments: str, python: Path = VENV / "bin/python", **options: object
    ) -> subprocess.CompletedProcess[str]:
        return machine.run(str(python), "-m", "backupwatch", *arguments, **options)  # type: ignore[arg-type]

    machine.write(
        UNITS.with_name("user") / "backupwatch.service.d/quick.conf",
        "[Service]\nRestartSec=100ms\nWatchdogSec=2s\nTimeoutAbortSec=1s\n",
    )
    yield command
    machine.ctl("stop", "backupwatch.service", ok=False)
    machine.run("sh", "-c", "chmod -R u+w ~/.config 2>/dev/null; rm -rf ~/.config ~/.local/state ~/elsewhere")
    machine.ctl("daemon-reload")
    machine.ctl("reset-failed", ok=False)


def test_install_says_in_three_lines_what_runs_where_its_log_is_and_how_to_remove_it(
    machine: UserManager, backupwatch: Command
) -> None:
    """After one command it runs, is ready, and starts at every login."""
    said = backupwatch("service", "install").stdout.splitlines()

    assert len(said) == 3
    assert "runs now" in said[0]
    assert "backupwatch service logs" in said[1]
    assert "backupwatch service uninstall" in said[2]
    assert machine.show("ActiveState") == "active"
    assert machine.show("SubState") == "running"
    assert machine.show("UnitFileState") == "enabled"
    assert machine.show("MainPID") in backupwatch("service", "status").stdout


def test_systemd_finds_nothing_to_complain_about_in_the_unit(machine: UserManager, backupwatch: Command) -> None:
    """systemd-analyze verify is silent."""
    backupwatch("service", "install")

    verdict = machine.run("systemd-analyze", "--user", "verify", str(UNIT))

    assert (verdict.stdout + verdict.stderr).strip() == ""
    assert (
        "backupwatch"
        not in machine.run("journalctl", "--user", "-p", "warning", "-g", "backupwatch.service:\\d+", ok=False).stdout
    )


def test_a_killed_daemon_is_started_again(machine: UserManager, backupwatch: Command) -> None:
    """SIGKILL is followed by a new process."""
    backupwatch("service", "install")
    first = machine.show("MainPID")

    machine.run("kill", "-KILL", first)

    machine.until("a new process", lambda: machine.show("SubState") == "running" and machine.show("MainPID") != first)


def test_a_hung_daemon_is_started_again_by_the_watchdog(machine: UserManager, backupwatch: Command) -> None:
    """SIGSTOP makes the event loop miss its heartbeats."""
    backupwatch("service", "install")
    first = machine.show("MainPID")

    machine.run("kill", "-STOP", first)

    machine.until("a new process", lambda: machine.show("SubState") == "running" and machine.show("MainPID") != first)
    assert "Watchdog timeout" in machine.journal()


def test_reload_keeps_the_process_and_reads_the_configuration_again(machine: UserManager, backupwatch: Command) -> None:
    """systemctl reload is understood."""
    backupwatch("service", "install")
    first = machine.show("MainPID")

    machine.ctl("reload", "backupwatch.service")

    line = f"backupwatch[{first}]: configuration reloaded changed=nothing"
    machine.until("its line", lambda: line in machine.journal())
    assert machine.show("SubState") == "running"
    assert machine.show("MainPID") == first


def test_logs_shows_what_the_service_wrote(machine: UserManager, backupwatch: Command) -> None:
    """The log holds the daemon's own lines."""
    backupwatch("service", "install")

    machine.until("a line", lambda: "start" in backupwatch("service", "logs").stdout)


def test_start_stop_and_restart_do_what_they_say(machine: UserManager, backupwatch: Command) -> None:
    """Each of the three ends in the state that it names."""
    backupwatch("service", "install")
    backupwatch("service", "stop")
    assert machine.show("ActiveState") == "inactive"
    stopped = backupwatch("service", "status", ok=False)
    assert stopped.returncode == 1
    assert "backupwatch service start" in stopped.stdout

    backupwatch("service", "start")
    first = machine.show("MainPID")
    backupwatch("service", "restart")

    assert machine.show("ActiveState") == "active"
    assert machine.show("MainPID") != first


def test_a_wrong_configuration_is_said_and_not_tried_again(machine: UserManager, backupwatch: Command) -> None:
    """Exit code 2 ends the restarts, and the person is sent to the configuration."""
    machine.write(HOME / ".config/backupwatch/config.toml", '[freshness]\nstale_after = "bad"\n')

    done = backupwatch("service", "install", ok=False)

    assert done.returncode == 2
    assert "backupwatch config check" in done.stderr
    assert machine.show("NRestarts") == "0"


def test_installing_twice_leaves_one_running_service(machine: UserManager, backupwatch: Command) -> None:
    """The second time is as good as the first, and nothing is kept aside."""
    backupwatch("service", "install")
    backupwatch("service", "install")

    assert machine.show("ActiveState") == "active"
    assert _names(machine) == ["backupwatch.service", "backupwatch.service.d", "default.target.wants"]


def test_an_upgrade_replaces_the_older_unit_and_restarts(machine: UserManager, backupwatch: Command) -> None:
    """What an older version wrote is replaced, and the new program runs."""
    backupwatch("service", "install")
    first = machine.show("MainPID")
    older = machine.run(
        str(VENV / "bin/python"), "-c",
        "import sys;from pathlib import Path;from backupwatch.service import definition;"
        "p=Path(sys.argv[1]);t=p.read_text();"
        "import re;t=re.sub(r'(?m)^# backupwatch .* sha256=.*$','# @STAMP@',t).replace('TasksMax=128','TasksMax=99');"
        "p.write_text(definition.stamped(t,'0.0.1'))", str(UNIT),
    )  # fmt: skip
    assert older.returncode == 0

    done = backupwatch("service", "install")

    assert "0.0.1" in done.stderr
    assert machine.show("MainPID") != first
    assert machine.show("TasksMax") == "128"
    assert not any("edited" in name for name in _names(machine))


def test_a_unit_changed_by_hand_is_kept_aside_and_said(machine: UserManager, backupwatch: Command) -> None:
    """Nobody's own work is overwritten."""
    backupwatch("service", "install")
    changed = machine.path(UNIT).read_text().replace("Nice=10", "Nice=19")
    machine.write(UNIT, changed)

    done = backupwatch("service", "install")

    (kept,) = [name for name in _names(machine) if ".edited-" in name]
    assert machine.path(UNITS / kept).read_text() == changed
    assert kept in done.stderr
    assert machine.show("Nice") == "10"


def test_after_the_environment_moved_status_says_so_and_install_mends_it(
    machine: UserManager, backupwatch: Command
) -> None:
    """A moved virtual environment is found out and healed by one command."""
    backupwatch("service", "install")
    moved = HOME / "elsewhere"
    machine.run("cp", "-a", str(VENV), str(moved))
    machine.run("mv", str(VENV), f"{VENV}.gone")
    try:
        said = backupwatch("service", "status", python=moved / "bin/python", ok=False).stdout
        assert "Its Python is gone" in said
        backupwatch("service", "install", python=moved / "bin/python")
        assert str(moved) in machine.show("ExecStart")
        assert machine.show("ActiveState") == "active"
    finally:
        machine.run("mv", f"{VENV}.gone", str(VENV))


def test_the_service_looks_where_the_installing_shell_looked(machine: UserManager, backupwatch: Command) -> None:
    """Variables that name another configuration or state folder hold for the service as well."""
    odd = str(HOME / 'state "100%" für $USER')
    backupwatch("service", "install", env={"BACKUPWATCH_STATE_DIR": odd})

    environment = machine.path(f"/proc/{machine.show('MainPID')}/environ").read_bytes()

    assert f"BACKUPWATCH_STATE_DIR={odd}".encode() in environment.split(b"\0")


def test_uninstall_leaves_nothing_but_configuration_and_history(machine: UserManager, backupwatch: Command) -> None:
    """Unit, links, process and folders made for them are gone; the person's own drop-in is named."""
    config = HOME / ".config/backupwatch/config.toml"
    machine.write(config, "")
    backupwatch("service", "install")
    pid = machine.show("MainPID")

    said = backupwatch("service", "uninstall").stdout

    assert _names(machine) == ["backupwatch.service.d"]
    assert "backupwatch.service.d" in said
    assert machine.ctl("list-units", "--all", "--no-legend", "backupwatch*") == ""
    assert not machine.path(f"/proc/{pid}").exists()
    assert machine.path(config).exists()
    assert "not installed" in backupwatch("service", "uninstall").stdout


def test_purge_takes_configuration_and_history_and_nothing_else(machine: UserManager, backupwatch: Command) -> None:
    """A stranger's file in the state folder survives."""
    config, theirs = HOME / ".config/backupwatch/config.toml", HOME / ".local/state/backupwatch/letter.txt"
    machine.write(config, "")
    machine.write(theirs, "dear diary")
    backupwatch("service", "install")

    refused = backupwatch("service", "uninstall", "--purge", ok=False)
    assert refused.returncode == 2
    assert machine.path(config).exists()
    backupwatch("service", "uninstall", "--purge", "--yes")

    assert not machine.path(config.parent).exists()
    assert [path.name for path in machine.path(theirs.parent).iterdir()] == ["letter.txt"]


def test_a_linked_unit_folder_is_followed(machine: UserManager, backupwatch: Command) -> None:
    """People who keep their units in a folder of dotfiles can install, too."""
    machine.run(
        "sh",
        "-c",
        "rm -rf ~/.config/systemd/user; mkdir -p ~/elsewhere ~/.config/systemd; ln -s ~/elsewhere ~/.config/systemd/user",
    )

    backupwatch("service", "install")

    assert machine.show("ActiveState") == "active"
    assert machine.path(HOME / "elsewhere/backupwatch.service").exists()
    backupwatch("service", "uninstall")
    assert list(machine.path(HOME / "elsewhere").iterdir()) == []


def test_a_unit_folder_that_cannot_be_written_is_one_clear_line(machine: UserManager, backupwatch: Command) -> None:
    """Nothing half-written stays behind."""
    machine.run(
        "sh", "-c", "rm -rf ~/.config/systemd/user; mkdir -p ~/.config/systemd/user; chmod a-w ~/.config/systemd/user"
    )

    done = backupwatch("service", "install", ok=False)

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot be written" in done.stderr
    assert _names(machine) == []


def test_a_masked_service_is_said(machine: UserManager, backupwatch: Command) -> None:
    """Somebody forbade the unit on purpose; they learn how to allow it again."""
    machine.run("ln", "-sf", "/dev/null", str(UNIT))

    done = backupwatch("service", "install", ok=False)

    assert "systemctl --user unmask backupwatch.service" in done.stderr
    assert machine.path(UNIT).is_symlink()


def test_without_a_user_manager_the_person_learns_how_to_run_it_otherwise(
    machine: UserManager, backupwatch: Command
) -> None:
    """As after su: there is a systemd, but none for this person."""
    done = backupwatch(
        "service",
        "install",
        env={"XDG_RUNTIME_DIR": "/nowhere", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"},
        ok=False,
    )

    assert done.returncode == 1
    assert "backupwatch run" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def _names(machine: UserManager) -> list[str]:
    return sorted(path.name for path in machine.path(UNITS).iterdir())


def test_a_watch_that_runs_in_a_terminal_already_is_named(machine: UserManager, backupwatch: Command) -> None:
    """The service cannot start beside it, and the person reads the daemon's own words about it."""
    running = machine.start(str(VENV / "bin/python"), "-m", "backupwatch", "run")
    lock = machine.path(HOME / ".local/state/backupwatch/daemon.lock")
    machine.until("the first watch", lambda: lock.exists() and lock.read_text().strip() != "")
    try:
        done = backupwatch("service", "install", ok=False)
    finally:
        machine.finish(running)

    assert done.returncode == 1
    assert "already running" in done.stderr


def test_the_journal_can_be_searched_by_field(machine: UserManager, backupwatch: Command) -> None:
    """The daemon's entries have fields, and read as sentences."""
    backupwatch("service", "install")

    def entry() -> list[str]:
        found = machine.run(
            "journalctl", "--user", "--quiet", "-o", "cat", "BACKUPWATCH_SOURCE=local-backups", ok=False
        )
        return found.stdout.splitlines()

    machine.until("an entry", lambda: bool(entry()))
    assert entry()[-1].startswith("looked source=local-backups")


def test_the_promised_limits_and_locks_are_in_force(machine: UserManager, backupwatch: Command) -> None:
    """Not only written in the unit: the kernel holds the running daemon to them."""
    backupwatch("service", "install")
    pid = machine.show("MainPID")
    status = dict(
        line.split(":\t", 1) for line in machine.run("cat", f"/proc/{pid}/status").stdout.splitlines() if ":\t" in line
    )

    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Umask"] == "0077"
    assert machine.run("ps", "-o", "ni=", "-p", pid).stdout.strip() == "10"
    assert "idle" in machine.run("ionice", "-p", pid).stdout
    limits = machine.run("cat", f"/proc/{pid}/limits").stdout
    assert "Max core file size        0" in limits
    assert machine.show("MemoryHigh") == str(640 << 20)
    assert machine.show("MemoryMax") == str(768 << 20)
    assert machine.show("TasksMax") == "128"
    assert machine.show("CPUWeight") == "20"


def test_without_a_session_bus_the_service_runs_all_the_same(machine: UserManager, backupwatch: Command) -> None:
    """The watch does not depend on a desktop; what cannot be shown waits."""
    machine.ctl("stop", "dbus.socket", "dbus.service", ok=False)
    try:
        backupwatch("service", "install", env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})
        assert machine.show("SubState") == "running"
        assert "Running" in backupwatch("service", "status").stdout
    finally:
        machine.ctl("start", "dbus.socket", ok=False)


def test_on_a_machine_with_nothing_set_up_the_person_is_led_on(machine: UserManager, backupwatch: Command) -> None:
    """The service runs, and what it lacks is said with the next step."""
    done = backupwatch("service", "install")
    assert "backupwatch pair" in done.stderr
    assert "Traceback" not in done.stderr

    greeting = backupwatch().stdout
    assert "The watch is on" in greeting
    assert "backupwatch pair" in greeting
