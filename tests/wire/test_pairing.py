"""``backupwatch pair`` against a simulated phone: what a person is told, and what the phone has seen."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulator_kit import ANNA, on_stage

from backupwatch import paths
from backupwatch.cli import pair_command
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation, phone
from backupwatch.settings.load import load
from backupwatch.setup import pairing
from backupwatch.setup.pairing import Failure, Step
from backupwatch.simulator.stage import StageInThread

PHONE = """
[[phone]]
udid = "{udid}"
name = "{name}"
trust = "{trust}"
connection = "{connection}"
dialog = "{dialog}"
dialog_delay = {delay}
wifi_sync = {wifi_sync}
backups = [{{ time = "02:11:09", last = -9 }}]
"""


def story(*phones: dict[str, object]) -> str:
    base = {
        "udid": ANNA,
        "name": "Anna's iPhone",
        "trust": "unpaired",
        "connection": "usb",
        "dialog": "accept",
        "delay": 0,
        "wifi_sync": "false",
    }
    return 'title = "Pairing"\n' + "".join(PHONE.format(**{**base, **phone}) for phone in phones or ({},))


Play = Callable[..., StageInThread]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Puts phones on stage and points a home of its own at them."""
    stages: list[object] = []
    for name, folder in (
        ("HOME", ""),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
    ):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(paths.CONFIG_VARIABLE, str(tmp_path / "config.toml"))

    def start(*phones: dict[str, object]) -> StageInThread:
        context = on_stage(story(*phones))
        stage = context.__enter__()
        stages.append(context)
        (tmp_path / "config.toml").write_text(f'[advanced]\nusbmuxd = "{stage.usbmuxd_address}"\n')
        return stage

    yield start
    for context in stages:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


def attempt(stage: StageInThread, udid: str = ANNA, patience: float = 30.0) -> tuple[Failure | None, list[Step]]:
    """One attempt of the worker: how it ended, and its steps."""
    steps: list[Step] = []
    environment = {"USBMUXD_SOCKET_ADDRESS": stage.usbmuxd_address}
    return asyncio.run(pairing.pair(udid, environment, steps.append, patience=patience)), steps


def test_a_new_phone_is_paired_step_by_step_and_proved(
    play: Play, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The person learns what to tap, and in the end the date of the last backup."""
    stage = play()

    assert pair_command.run(None, None) == 0

    said = capsys.readouterr().out
    assert (
        said.index("tap “Trust”") < said.index("trusts this computer now") < said.index("Wi-Fi") < said.index("Proof")
    )
    assert "Fri 13 Nov, " in said
    assert stage.phones[ANNA].values()["com.apple.mobile.wireless_lockdown"]["EnableWifiConnections"] is True
    assert [device.udid for device in load().config.devices] == [ANNA]


def test_the_pair_record_is_for_its_owner_alone(play: Play, tmp_path: Path) -> None:
    """It holds a private key; nobody else may read it."""
    stage = play()

    assert attempt(stage)[0] is None

    (record,) = tmp_path.rglob(f"{ANNA}.plist")
    assert record.stat().st_mode & 0o077 == 0
    assert len(stage.pair_records) == 1


def test_a_phone_that_already_trusts_is_not_asked_again(play: Play) -> None:
    """No dialog comes up where trust is there; only Wi-Fi access is switched on."""
    stage = play({"trust": "paired"})

    assert attempt(stage) == (None, [Step.ALREADY, Step.WIFI])
    assert stage.phones[ANNA].dialog_seen == 0


def test_a_record_that_only_usbmuxd_has_is_kept_for_wifi_too(play: Play, tmp_path: Path) -> None:
    """usbmuxd ends with the last cable; without a record of its own this computer would not find the phone again."""
    stage = play({"trust": "paired"})

    assert attempt(stage)[0] is None

    (record,) = tmp_path.rglob(f"{ANNA}.plist")
    assert record.stat().st_mode & 0o077 == 0


def test_lost_trust_is_asked_for_again(play: Play) -> None:
    """After "Reset Location & Privacy" on the phone, pairing again is all it takes."""
    stage = play({"trust": "lost"})

    assert attempt(stage) == (None, [Step.TRUST, Step.TRUSTED, Step.WIFI])


def test_waiting_for_the_tap_shows_no_second_dialog(play: Play) -> None:
    """While nobody has tapped yet, the same question is repeated, not a new one."""
    stage = play({"delay": 2})

    failure, steps = attempt(stage)

    assert failure is None
    assert steps.count(Step.TRUST) == 1


def test_dont_trust_ends_it_without_another_question(play: Play) -> None:
    """A refusal is respected: one question, and a sentence that says what happened."""
    stage = play({"dialog": "deny"})

    with pytest.raises(BackupwatchError) as caught:
        pair_command.run(None, None)

    assert "Don’t Trust" in caught.value.line()
    assert stage.phones[ANNA].dialog_seen == 1


@pytest.mark.parametrize(
    ("state", "failure", "last"),
    [
        ({"dialog": "ignore"}, Failure.NO_ANSWER, Step.TRUST),
        ({"dialog": "locked"}, Failure.LOCKED, Step.UNLOCK),
        ({"connection": "network", "wifi_sync": "true"}, Failure.NO_CABLE, None),
    ],
)
def test_every_other_ending_has_its_own_word(
    play: Play, state: dict[str, object], failure: Failure, last: Step | None
) -> None:
    """Nobody tapped, nobody unlocked, no cable: each is told as what it is."""
    ended, steps = attempt(play(state), patience=1.5)

    assert ended is failure
    assert (steps[-1] if steps else None) is last


def test_a_phone_unplugged_half_way_is_said(play: Play) -> None:
    """It was there when the person chose it, and then it was not."""
    stage = play({"dialog": "ignore"})
    steps: list[Step] = []

    def unplug(step: Step) -> None:
        steps.append(step)
        stage._loop.call_soon_threadsafe(stage.phones[ANNA].vanish)

    environment = {"USBMUXD_SOCKET_ADDRESS": stage.usbmuxd_address}

    assert asyncio.run(pairing.pair(ANNA, environment, unplug, patience=20)) is Failure.GONE


def test_without_usbmuxd_the_doctor_is_named(play: Play, tmp_path: Path) -> None:
    """A computer that cannot see phones at all says so, not that none is connected."""
    play()
    (tmp_path / "config.toml").write_text(f'[advanced]\nusbmuxd = "{tmp_path}/nothing"\n')

    with pytest.raises(BackupwatchError, match=r"usbmuxd.*doctor"):
        pair_command.run(None, None)


def test_the_worker_ends_with_a_killed_pair(play: Play) -> None:
    """Nothing goes on asking a phone for trust when nobody waits for it any more."""
    stage = play({"delay": 100})
    worker = subprocess.Popen(
        [sys.executable, "-m", "backupwatch.setup.pairing_worker"],
        env={**os.environ, "USBMUXD_SOCKET_ADDRESS": stage.usbmuxd_address},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"udid": ANNA, "patience_s": 120.0}).encode() + b"\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == {"step": "trust"}
        worker.stdout.close()
        assert worker.wait(timeout=20) == 1
    finally:
        worker.kill()
        worker.wait()
        worker.stdin.close()


def test_of_several_phones_one_must_be_named(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can choose, the phones are listed and nothing is asked of any of them."""
    other = "00008140-0A0B0C0D0E0F0002"
    stage = play({}, {"udid": other, "name": "Ben's iPhone"})

    with pytest.raises(BackupwatchError) as caught:
        pair_command.run(None, None)
    assert caught.value.exit_code == 2
    assert "Ben's iPhone" in capsys.readouterr().out
    assert [phone.dialog_seen for phone in stage.phones.values()] == [0, 0]

    assert pair_command.run(None, "ben") == 0
    assert stage.phones[ANNA].dialog_seen == 0


def test_the_proof_is_what_the_phone_says_also_when_there_is_no_backup() -> None:
    """No backup and a switched-off backup are answers; only a phone that cannot be read is a failure."""
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def fact(kind: str, value: bool | None) -> Observation:
        return Observation(phone(ANNA), kind, value, now, "iphone")

    assert "never made" in pair_command.proof([fact(kinds.LAST_CLOUD_BACKUP, None)], ANNA)
    assert "is off" in pair_command.proof([fact(kinds.CLOUD_BACKUP_ENABLED, False)], ANNA)
    with pytest.raises(BackupwatchError, match="cannot be read"):
        pair_command.proof([], ANNA)
