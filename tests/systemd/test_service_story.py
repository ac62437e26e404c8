"""The whole chain as a service: simulated phone, real systemd, real session bus, real notification server."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from inside import HOME
from user_manager import VENV, UserManager

pytestmark = [pytest.mark.systemd, pytest.mark.desktop]

PYTHON = str(VENV / "bin/python")
STORY = """
title = "A phone that has not backed up for nine days"
[[phone]]
udid = "00008140-001C2D3E4F50001C"
name = "Anna's iPhone"
icloud_backup = true
backups = [{ time = "02:11:09", last = -9 }]
[account]
total = 5_368_709_120
used = 5_368_700_000
backup = 1_288_490_188
"""
DISPLAY = {"DISPLAY": ":7"}
DROP_INS = HOME / ".config/systemd/user/backupwatch.service.d"
BROWSER = """#!/bin/sh
while kill -0 $PPID 2>/dev/null || test ! -e ~/service-is-gone; do sleep 0.1; done
{ echo "$1"; grep NoNewPrivs /proc/self/status; grep ^0:: /proc/self/cgroup; } > ~/opened.new
mv ~/opened.new ~/opened
"""
"""Outlives who started it, and the service; then notes what it was asked for and how it was held."""


@pytest.fixture
def told(machine: UserManager) -> Iterator[UserManager]:
    """Anna's computer with a desktop, a phone on the cable and nothing installed at login yet."""
    for tool in ("Xvfb", "dunst"):
        if shutil.which(tool) is None:
            assert not os.environ.get("CI"), f"{tool} is not installed"
            pytest.skip(f"{tool} is not installed")
    machine.write(HOME / "story.toml", STORY)
    stage = machine.start(
        PYTHON, "-m", "backupwatch.simulator", str(HOME / "story.toml"), "--folder", str(HOME / "stage")
    )
    assert stage.stdout is not None
    addresses = json.loads(stage.stdout.readline())["advanced"]
    table = "".join(f'{key} = "{value}"\n' for key, value in addresses.items())
    machine.write(
        HOME / ".config/backupwatch/config.toml",
        f'[alerts]\nquiet_hours = ""\n[polling]\nwifi = false\n[advanced]\n{table}',
    )
    noon = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # at night the daemon listens to a phone's log for long
    machine.write(DROP_INS / "noon.conf", f"[Service]\nEnvironment=TZ={noon}\n")
    screen = machine.start("Xvfb", ":7", "-screen", "0", "800x600x24", "-nolisten", "tcp")
    machine.until("the screen", machine.path("/tmp/.X11-unix/X7").exists)
    server = machine.start("dunst", env=DISPLAY)
    machine.until("the notification server", lambda: machine.run("dunstctl", "count", ok=False).returncode == 0)
    yield machine
    machine.run(PYTHON, "-m", "backupwatch", "service", "uninstall", "--purge", "--yes", ok=False)
    machine.run("sh", "-c", 'rm -rf "$0" ~/browser ~/opened ~/service-is-gone', str(DROP_INS))
    for process in (server, screen, stage):
        machine.finish(process)
    machine.run("rm", "-f", "/tmp/.X11-unix/X7", "/tmp/.X7-lock")  # else the next screen seems to be there already


def notifications(machine: UserManager) -> int:
    """How many the server has been given, on the screen, waiting or gone."""
    counts = machine.run("dunstctl", "count").stdout
    return sum(int(line.split(":")[1]) for line in counts.splitlines() if ":" in line)


def test_an_alert_arrives_once_and_a_killed_daemon_does_not_repeat_it(told: UserManager) -> None:
    """From installation to the screen; then SIGKILL, and silence, since the person knows already."""
    told.run(PYTHON, "-m", "backupwatch", "service", "install")
    told.until("a notification", lambda: notifications(told) == 1)
    told.until("a round", lambda: "1 phone, 1 stale" in told.show("StatusText"))
    first = told.show("MainPID")
    assert "1 phone, 1 stale" in told.run(PYTHON, "-m", "backupwatch", "service", "status").stdout

    told.run("kill", "-KILL", first)
    told.until("a new process", lambda: told.show("MainPID") not in {first, "0"})
    told.until("a round", lambda: "1 phone, 1 stale" in told.show("StatusText"))

    told.run("dunstctl", "close-all")
    history = json.loads(told.run("dunstctl", "history").stdout)["data"][0]
    assert len(history) == 1
    assert "Anna's iPhone" in history[0]["message"]["data"] + history[0]["summary"]["data"]


def test_show_steps_opens_a_browser_that_is_free_of_the_service(told: UserManager) -> None:
    """A browser makes its own sandbox, which the service's locks forbid, and it stays when the service ends."""
    told.write(HOME / "browser", BROWSER)
    told.run("chmod", "+x", str(HOME / "browser"))
    drop_in = f'[Service]\nEnvironment="BROWSER={HOME}/browser %%s &"\n'
    told.write(DROP_INS / "browser.conf", drop_in)
    told.run(PYTHON, "-m", "backupwatch", "service", "install")
    told.until("a notification", lambda: notifications(told) == 1)

    told.run("dunstctl", "action", "0")
    told.until("the browser", lambda: str(HOME / "browser") in told.run("ps", "-eo", "args").stdout)
    told.ctl("stop", "backupwatch.service")
    told.write(HOME / "service-is-gone", "")
    told.until("its note", told.path(HOME / "opened").exists)

    address, locks, group = told.path(HOME / "opened").read_text().splitlines()
    assert address.startswith("file:///home/anna/")
    assert "#phone-" in address
    assert locks.split() == ["NoNewPrivs:", "0"]
    assert "backupwatch.service" not in group


def test_a_page_that_cannot_be_shown_is_in_the_log(told: UserManager) -> None:
    """Nobody sees what a button's program prints."""
    drop_in = "[Service]\nEnvironment=BROWSER=false\n"
    told.write(DROP_INS / "browser.conf", drop_in)
    told.run(PYTHON, "-m", "backupwatch", "service", "install")
    told.until("a notification", lambda: notifications(told) == 1)

    told.run("dunstctl", "action", "0")

    told.until("a line", lambda: "the report could not be opened" in told.journal())


def test_the_doctor_finds_the_installed_service_and_the_notification_server(told: UserManager) -> None:
    """On a healthy computer the doctor's only complaint would be about the phone's own world."""
    told.run(PYTHON, "-m", "backupwatch", "service", "install")

    report = json.loads(told.run(PYTHON, "-m", "backupwatch", "doctor", "--json", ok=False).stdout)

    levels = {each["id"]: (each["level"], each["sentence"]) for each in report["results"]}
    for ident in ("config", "usbmuxd", "service", "notifications", "store", "disk", "apple-status"):
        assert levels[ident][0] == "ok", levels
    assert "dunst" in levels["notifications"][1]
