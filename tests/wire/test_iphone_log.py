"""A phone's own log is listened to for a bounded time, and what it says about backups is kept with its time."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from iphone_kit import ANNA, BEN, environment, look, stage
from pymobiledevice3.services.os_trace import SyslogEntry, SyslogLabel, SyslogLogLevel

from backupwatch.facts.observation import BlindReason as Why
from backupwatch.sources.iphone_log import event_of
from backupwatch.sources.looker import Looker

STORY = f"""
[[phone]]
udid = "{ANNA}"
backups = [{{ last = -3 }}]
at = [
    {{ day = 0, time = "02:11", backup = "failed:303" }},
    {{ day = 0, time = "02:12", log = "UserEventAgent: Found account <private> (1,0,0)" }},
]
"""


async def test_a_failure_in_the_log_is_told_with_its_code_and_its_own_time(tmp_path: Path) -> None:
    """The phone's word on last night, at the moment it was said."""
    with stage(STORY) as play:
        seen = await look(play, tmp_path, listen_log_s={ANNA: 0.5})
        failure = next(event for event in seen.events[ANNA] if event["what"] == "failure")
        assert failure["code"] == 303
        assert failure["at"] == f"{play.today}T02:11:00Z"
        account = next(event for event in seen.events[ANNA] if event["at"] == f"{play.today}T02:12:00Z")
        assert account["fields"] == {"enabled": True, "emailVerified": False, "cellular": False}
        assert seen.values[ANNA]["log_heard"] is True


def test_nothing_but_the_backup_subsystem_is_kept() -> None:
    """Other programs' lines leave no trace, even where they read like backupd's."""
    line = "Scheduler received backup failure notification for account <private>: (MBErrorDomain/303)"
    entry = partial(SyslogEntry, 1, datetime(2026, 11, 22), SyslogLogLevel.NOTICE, "x", 0, "/x", line)
    assert event_of(entry(label=SyslogLabel("Default", "com.apple.mobilebackup"))) is not None
    assert event_of(entry(label=SyslogLabel("Default", "com.example.chat"))) is None
    assert event_of(entry(label=None)) is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
async def test_times_are_right_wherever_this_computer_stands(tmp_path: Path, zone: str) -> None:
    """The log's times are turned into UTC, whatever the computer's time zone is."""
    with stage(STORY) as play:
        looker = Looker(environment={**environment(play.usbmuxd_address, tmp_path), "TZ": zone})
        seen = await look(play, tmp_path, looker=looker, listen_log_s={ANNA: 0.5})
        assert f"{play.today}T02:11:00Z" in {event["at"] for event in seen.events[ANNA]}


async def test_only_the_phones_that_were_named_are_listened_to(tmp_path: Path) -> None:
    """A fresh phone's log is left alone."""
    with stage(f'{STORY}[[phone]]\nudid = "{BEN}"\nbackups = [{{}}]') as play:
        seen = await look(play, tmp_path, listen_log_s={ANNA: 0.5})
        assert seen.events[ANNA]
        assert seen.events[BEN] == []
        assert "log_heard" not in seen.values[BEN]


@pytest.mark.parametrize(
    ("kind", "reason"), [("hang", Why.TIMEOUT), ("refuse", Why.CONNECTION), ("huge-length", Why.GARBAGE)]
)
async def test_a_log_that_cannot_be_read_is_said_so_and_harms_nothing(tmp_path: Path, kind: str, reason: Why) -> None:
    """Everything else of the look stands."""
    story = f'{STORY}fault = [{{ step = "service:com.apple.os_trace_relay", kind = "{kind}" }}]'
    with stage(story) as play:
        seen = await look(play, tmp_path, listen_log_s={ANNA: 0.5}, phone_deadline_s=4)
        assert seen.blinds[ANNA] == {"iphone:log": reason}
        assert seen.values[ANNA]["last_cloud_backup"]
        assert "log_heard" not in seen.values[ANNA]
