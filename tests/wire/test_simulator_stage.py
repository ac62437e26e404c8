"""The stage as a whole: in a thread, as a program of its own, with the account, and with Bonjour."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from simulator_kit import ANNA, ONE_PHONE, at, on_stage, pymobiledevice3, run, short_folder

from backupwatch.simulator import scenario


def spawn(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "backupwatch.simulator", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_stage_stands_alone() -> None:
    """As a program it says its addresses in one line, moves its clock by a word, and leaves nothing behind."""
    with short_folder() as folder:
        program = spawn("icloud-storage-full", "--folder", str(folder / "s"), "--today", "2026-11-22T00:00:00Z")
        assert program.stdout is not None
        assert program.stdin is not None
        told = json.loads(program.stdout.readline())
        assert (told["today"], told["at"], told["udids"]) == ("2026-11-22", "2026-11-22T13:00:00Z", [ANNA])
        assert set(told["advanced"]) == {"usbmuxd", "icloud", "system_status", "ios_releases"}
        assert Path(told["usbmuxd"]).is_socket()
        for line, answer in (
            ("at 2026-11-20T02:30:00Z", {"at": "2026-11-20T02:30:00Z"}),
            ("at some time", {"error": "Invalid isoformat string: 'some time'"}),
        ):
            program.stdin.write(line + "\n")
            program.stdin.flush()
            assert json.loads(program.stdout.readline()) == answer
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=20)
        assert (program.returncode, errors) == (0, "")
        assert not Path(told["usbmuxd"]).exists()


def test_an_unknown_story_is_said_in_one_line() -> None:
    """A story that does not exist is answered with the way to those that do, and exit code 2."""
    with short_folder() as folder:
        _, errors = (program := spawn("no-such-story", "--folder", str(folder))).communicate(timeout=20)
        assert program.returncode == 2
        assert len(errors.splitlines()) == 1
        assert "demo --list" in errors


def test_a_broken_story_is_said_in_one_line() -> None:
    """A story with a mistake is answered with file, line and key, and exit code 2."""
    with short_folder() as folder:
        (folder / "mine.toml").write_text('title = "t"\n[[phone]]\nudid = "00"\nconection = "usb"\n')
        _, errors = (program := spawn(str(folder / "mine.toml"), "--folder", str(folder))).communicate(timeout=20)
        assert program.returncode == 2
        assert errors.startswith(f"{folder}/mine.toml:4: phone.0.conection: unknown key")


def test_the_account_follows_the_story() -> None:
    """The simulated iCloud stands on the stage and shows the account of the moment."""
    text = f"{ONE_PHONE}\n[account]\nused = 1\n[[account.at]]\nday = -1\nused = 2\n"
    with on_stage(text) as stage:
        answer = requests.post(f"{stage.advanced['icloud']}/setup/ws/1/validate", timeout=10)
        assert answer.status_code in (200, 401, 421)
        stage.move_to(at(-2, "12:00"))
        assert stage.world().account["used"] == 1
        stage.move_to(at(0, "12:00"))
        assert stage.world().account["used"] == 2
        (device,) = stage.world().account["devices"]
        assert (device["udid"], device["name"]) == (ANNA, "Anna's iPhone")


def test_forty_phones_are_all_there(tmp_path: Path) -> None:
    """The school cart lists forty iPads, numbered."""
    with on_stage(scenario.shipped()["school-cart-40"].read_text()) as stage:
        listed = json.loads(run(pymobiledevice3("usbmux", "list"), stage, tmp_path))
        assert sorted(one["DeviceName"] for one in listed) == [f"Cart iPad {n:02}" for n in range(1, 41)]


def test_two_stages_side_by_side() -> None:
    """Two stages at once do not meet, not even on the Wi-Fi."""
    with on_stage(ONE_PHONE) as one, on_stage(ONE_PHONE) as other:
        assert one.phones[ANNA].address != other.phones[ANNA].address
        assert one.usbmuxd_tcp != other.usbmuxd_tcp


def test_a_clock_that_runs() -> None:
    """In real time the phone's clock goes on by itself from where it was set."""
    with on_stage(ONE_PHONE, real_time=True) as stage:
        first = stage.now
        assert stage.now > first
        assert first.astimezone(UTC) >= datetime(2026, 11, 22, 13, tzinfo=UTC)


BROWSE = """
    import asyncio, json, sys
    from pathlib import Path
    from datetime import date
    from backupwatch.simulator import scenario
    from backupwatch.simulator.stage import Stage
    from pymobiledevice3.lockdown import get_mobdev2_lockdowns

    async def main(text, folder):
        story = scenario.parse(text, "story.toml")
        async with Stage(story, Path(folder) / "s", today=date(2026, 11, 22), bonjour=True) as stage:
            records = Path(folder) / "records"
            records.mkdir()
            for udid, record in stage.pair_records.items():
                (records / f"{udid}.plist").write_bytes(record)
            found = []
            async for ip, phone in get_mobdev2_lockdowns(pair_records=records, only_paired=True, timeout=2):
                found.append([phone.udid, (await phone.get_value("com.apple.mobile.backup"))["Version"]])
                await phone.close()
            print(json.dumps(found))

    asyncio.run(main(sys.argv[1], sys.argv[2]))
"""
LOOPBACK_ONLY = (
    "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && "
    'ip -6 route add ff00::/8 dev lo table local && exec "$@"'
)


@pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("ip"), reason="needs unshare and ip of Linux")
def test_bonjour_finds_the_phone_on_loopback() -> None:
    """pymobiledevice3 finds the paired phone by Bonjour, in a network of its own that has only loopback."""
    probe = ["unshare", "-rn", "sh", "-c", LOOPBACK_ONLY, "sh"]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system allows no network of one's own")
    with short_folder() as folder:
        text = ONE_PHONE.replace('"both"', '"network"')
        command = [*probe, sys.executable, "-c", textwrap.dedent(BROWSE), text, str(folder)]
        environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert json.loads(done.stdout or "null") == [[ANNA, "2.0"]], done.stderr
