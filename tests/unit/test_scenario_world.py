"""What the world is like at a moment of a story."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backupwatch.simulator import scenario
from backupwatch.simulator.phonelog import log_lines
from backupwatch.simulator.scenario import shipped
from backupwatch.simulator.script import When
from backupwatch.simulator.values import APPLE_EPOCH, lockdown_values
from backupwatch.simulator.world import PhoneWorld, World

TODAY = date(2026, 11, 22)
UDID = "00008140-001C2D3E4F50001C"
HEAD = f'title = "t"\n[[phone]]\nudid = "{UDID}"\nconnection = "both"\n'
BACKUP = "com.apple.mobile.backup"


def moment(day: int, clock: str) -> datetime:
    return When(day=day, time=clock).at(TODAY)


def world(text: str, day: int, clock: str) -> World:
    return World(scenario.parse(text, "t.toml"), TODAY, moment(day, clock))


def phone(text: str, day: int, clock: str) -> PhoneWorld:
    return world(text, day, clock).phone(UDID)


def test_backups_happen_at_their_time() -> None:
    """The date of the last backup is last night's after the backup's time, and the night before's until then."""
    text = HEAD + 'backups = [{ time = "02:11" }]\n'
    assert phone(text, 0, "02:10").last_icloud == moment(-1, "02:11")
    assert phone(text, 0, "02:11").last_icloud == moment(0, "02:11")


def test_failed_backups_move_no_date() -> None:
    """A backup that fails leaves the date where it was."""
    text = HEAD + 'backups = [{ last = -3 }, { first = -2, kind = "failed:303" }]\n'
    assert phone(text, 0, "12:00").last_icloud == moment(-3, "02:11")


def test_the_switch_takes_the_date_with_it() -> None:
    """Switched off: no date. Switched on again: no date until the next backup."""
    text = HEAD + (
        "backups = [{ last = -3 }]\n"
        "[[phone.at]]\nday = -2\nicloud_backup = false\n[[phone.at]]\nday = -1\nicloud_backup = true\n"
        '[[phone.at]]\nday = 0\ntime = "10:00"\nbackup = "icloud"\n'
    )
    dates = [phone(text, day, clock).last_icloud for day, clock in ((-3, "12:00"), (-2, "12:00"), (-1, "12:00"))]
    assert dates == [moment(-3, "02:11"), None, None]
    assert phone(text, 0, "11:00").last_icloud == moment(0, "10:00")


def test_nights_differ_from_days() -> None:
    """At night a healthy phone charges, locked; what a story says of nights holds from ten to seven."""
    text = HEAD + "nights = { power = false, battery = 30 }\n"
    night, day = phone(text, 0, "06:59"), phone(text, 0, "07:00")
    assert (night.on_power, night.locked, night.state.battery) == (False, True, 30)
    assert (day.on_power, day.locked, day.state.battery) == (True, False, 80)


def test_a_later_change_adds_to_the_nights() -> None:
    """A change of the nights keeps what was said of them before."""
    text = HEAD + "nights = { power = false }\n[[phone.at]]\nday = -1\nnights = { wifi = false }\n"
    late = phone(text, 0, "03:00")
    assert (late.on_power, late.state.wifi) == (False, False)


def test_no_wifi_no_network() -> None:
    """Without Wi-Fi, or without leave to be seen there, only the cable remains."""
    assert phone(HEAD, 0, "12:00").links == ("USB", "Network")
    assert phone(HEAD + "wifi = false\n", 0, "12:00").links == ("USB",)
    assert phone(HEAD + "wifi_sync = false\n", 0, "12:00").links == ("USB",)
    assert phone(HEAD.replace("both", "away"), 0, "12:00").links == ()


def test_a_restart_begins_another_session() -> None:
    """The boot session changes at each restart and at no other time."""
    text = HEAD + "[[phone.at]]\nday = -2\nrestart = true\n[[phone.at]]\nday = -1\nbattery = 5\n"
    before, after, later = (phone(text, day, "12:00").boot_session for day in (-3, -2, -1))
    assert before != after == later


def test_a_clock_that_is_ahead() -> None:
    """The phone's clock and the dates it writes are ahead; the world's are not."""
    text = HEAD + "clock_ahead = 86400.0\nbackups = [{}]\n"
    values = lockdown_values(phone(text, 0, "12:00"))
    assert values[""]["TimeIntervalSince1970"] == moment(0, "12:00").timestamp() + 86_400
    written = values[BACKUP]["LastCloudBackupDate"] + APPLE_EPOCH
    assert written == moment(0, "02:11").timestamp() + 86_400


def test_a_story_may_say_any_value() -> None:
    """Values that a story spells out win over everything derived, and keys can be taken away."""
    text = HEAD + (
        'absent = ["default:BootSessionID", "com.apple.mobile.backup:Version"]\n'
        '[phone.values."com.apple.mobile.backup"]\nLastCloudBackupDate = 1.5\n'
        '[phone.values.default]\nDeviceName = "Other"\n'
    )
    values = lockdown_values(phone(text, 0, "12:00"))
    assert values[BACKUP]["LastCloudBackupDate"] == 1.5
    assert values[""]["DeviceName"] == "Other"
    assert "BootSessionID" not in values[""]
    assert "Version" not in values[BACKUP]


def test_the_log_names_the_missing_condition() -> None:
    """On a night without power the scheduler's own line says so."""
    text = HEAD + "nights = { power = false }\n"
    lines = log_lines(world(text, 0, "12:00"), UDID, moment(-1, "12:00"))
    conditions = [line.message for line in lines if "condition]" in line.message]
    assert conditions[0].startswith(
        "=scheduler= [Off condition] state changed, enabled:1, locked:1, onPower:0, onWiFi:1"
    )


def test_a_daily_line_comes_daily() -> None:
    """A line that is written every day is there once per day, and ends when the story says."""
    text = HEAD + '[[phone.at]]\nday = -5\ntime = "01:00"\ndaily_until = -2\nlog = "UserEventAgent: PC timer fired"\n'
    lines = log_lines(world(text, 0, "12:00"), UDID, moment(-9, "12:00"))
    found = [line for line in lines if line.message == "PC timer fired"]
    assert [line.at for line in found] == [moment(day, "01:00") for day in (-5, -4, -3, -2)]
    assert {line.process for line in found} == {"UserEventAgent"}


def test_the_account_changes_with_the_days() -> None:
    """The account shows what was true at the moment, tables merged, and the phones as Find My sees them."""
    text = (
        HEAD + "low_power = true\n[account]\nused = 1\nfaults = { storage = 503 }\n[[account.at]]\nday = -1\nused = 2\n"
    )
    before, after = world(text, -2, "12:00").account, world(text, 0, "12:00").account
    assert (before["used"], after["used"]) == (1, 2)
    assert after["faults"] == {"storage": 503}
    assert after["devices"][0]["low_power"] is True


@given(
    name=st.sampled_from(sorted(shipped())),
    minutes=st.integers(min_value=0, max_value=9 * 24 * 60),
    days=st.integers(min_value=-20_000, max_value=20_000),
)
def test_stories_are_the_same_on_every_day(name: str, minutes: int, days: int) -> None:
    """A story told on another date is the same story: all that moves is the calendar."""
    story = scenario.load(shipped()[name])
    start = moment(-9, "00:00") + timedelta(minutes=minutes)
    shift = timedelta(days=days)
    here, there = World(story, TODAY, start), World(story, TODAY + shift, start + shift)
    for udid in here.udids[:3]:
        one, other = here.phone(udid), there.phone(udid)
        assert one.state == other.state
        assert one.links == other.links
        assert one.boot_session == other.boot_session
        assert (one.last_icloud is None) == (other.last_icloud is None)
        if one.last_icloud and other.last_icloud:
            assert other.last_icloud - one.last_icloud == shift
        assert other.at.tzinfo is UTC
