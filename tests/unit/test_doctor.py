"""The doctor's judgement: one line per thing, how bad it is, and what mends it."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupwatch import __version__, doctor, doctor_computer, doctor_online, doctor_phones
from backupwatch.cli.doctor_command import lines
from backupwatch.cli.lines import colours
from backupwatch.cli.quick_config import quick_config
from backupwatch.doctor import Level, Result, Situation
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import (
    ACCOUNT,
    HOST,
    STATUS,
    Blind,
    BlindReason,
    Fact,
    Json,
    Observation,
    Subject,
    phone,
)
from backupwatch.facts.snapshot import Snapshot, Span, View
from backupwatch.service.runner import Ran
from backupwatch.settings.values import Account, Alerts, Config, Device, Polling

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
ANNA, BEN = "00008140-001C2D3E4F50001C", "00008140-0A0B0C0D0E0F0002"


def seen(kind: str, value: Json, subject: Subject | None = None) -> Observation:
    return Observation(subject or phone(ANNA), kind, value, NOW, "iphone")


def blind(reason: BlindReason, subject: Subject, look: str = "iphone", sentence: str = "It did not work") -> Blind:
    return Blind(subject, look, reason, sentence, NOW)


def at(tmp_path: Path, *facts: Fact, config: Config | None = None, snapshot: Snapshot | None = None) -> Situation:
    return Situation(config or Config(), facts, snapshot, NOW, tmp_path, platform="linux", environ={})


HEALTHY = (
    seen(kinds.USBMUXD, "ok", HOST),
    seen(kinds.NAME, "Anna's iPhone"),
    seen(kinds.CONNECTION, "usb"),
    seen(kinds.TRUST, "trusted"),
    seen(kinds.WIFI_ACCESS, True),
    seen(kinds.CLOCK_OFFSET, 0.0),
)


def met(udid: str, age: timedelta) -> Snapshot:
    """A memory in which a phone was last met some time ago."""
    span = Span("trusted", NOW - timedelta(days=90), NOW - age, "iphone")
    return Snapshot(NOW, {udid: View(phone(udid), {kinds.TRUST: (span,)})})


def levels(results: Sequence[Result]) -> list[Level]:
    return [result.level for result in results]


# -- usbmuxd --------------------------------------------------------------------------------------------------------


def test_a_usbmuxd_that_answers_is_all_right(tmp_path: Path) -> None:
    """Nothing to mend, so nothing is advised."""
    (result,) = doctor_phones.usbmuxd(at(tmp_path, *HEALTHY))
    assert (result.level, result.fix) == (Level.OK, "")


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        (BlindReason.NO_USBMUXD, "systemctl start usbmuxd"),
        (BlindReason.USBMUXD_BROKEN, "systemctl restart usbmuxd"),
        (BlindReason.PERMISSION, "usbmuxd"),
    ],
)
def test_every_trouble_with_usbmuxd_has_its_own_cure(tmp_path: Path, reason: BlindReason, fix: str) -> None:
    """Install or start it, restart it, or get permission."""
    (result,) = doctor_phones.usbmuxd(at(tmp_path, blind(reason, HOST)))
    assert result.level is Level.BROKEN
    assert fix in result.fix


def test_a_usbmuxd_that_rests_between_two_cables_is_all_right(tmp_path: Path) -> None:
    """On Linux udev ends it with the last phone and starts it with the next."""
    host = View(HOST, {kinds.USBMUXD: (Span("ok", NOW, NOW, "iphone"),)})
    situation = at(tmp_path, blind(BlindReason.NO_USBMUXD, HOST), snapshot=Snapshot(NOW, host=host))
    (result,) = doctor_phones.usbmuxd(situation)
    assert result.level is Level.OK
    (result,) = doctor_phones.usbmuxd(dataclasses.replace(situation, platform="darwin"))
    assert result.level is Level.BROKEN


def test_permission_trouble_names_the_group_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command can be copied as it stands."""
    socket = tmp_path / "usbmuxd"
    socket.touch()
    socket.chmod(0o660)
    os.chown(socket, -1, 1) if os.geteuid() == 0 else None
    monkeypatch.setattr(os, "getgroups", list)
    if socket.stat().st_gid != 0:
        assert "sudo usermod -aG" in doctor_phones.permission_fix(socket)
    assert "readable" in doctor_phones.permission_fix(tmp_path / "absent")


# -- phones ---------------------------------------------------------------------------------------------------------


def test_a_paired_phone_is_named_with_the_way_it_was_reached(tmp_path: Path) -> None:
    """The person sees that the very thing works which the watch depends on."""
    (result,) = doctor_phones.phones(at(tmp_path, *HEALTHY))
    assert result.level is Level.OK
    assert "Anna's iPhone" in result.sentence
    assert "cable" in result.sentence


def test_what_the_account_says_of_a_phone_does_not_make_it_reached(tmp_path: Path) -> None:
    """Find My knows the phone also where nothing here can talk to it."""
    found = [
        Observation(phone(ANNA), kinds.FIND_MY_STATUS, "online", NOW, "icloud"),
        Blind(phone(ANNA), "icloud:find-my", BlindReason.SERVER, "It did not work", NOW),
    ]
    dead = [blind(BlindReason.NO_USBMUXD, HOST), *found]
    (result,) = doctor_phones.phones(at(tmp_path, *dead, snapshot=met(ANNA, timedelta(hours=1))))
    assert (result.level, result.sentence) == (Level.WARNING, "No phone can be reached right now")
    (result,) = doctor_phones.pairing_age(at(tmp_path, *dead, snapshot=met(ANNA, timedelta(days=40))))
    assert "lapsed" in result.sentence


def test_the_way_to_a_phone_is_told_only_where_it_is_known(tmp_path: Path) -> None:
    """Not by cable does not mean over Wi-Fi."""
    (result,) = doctor_phones.phones(at(tmp_path, seen(kinds.TRUST, "trusted")))
    assert "Wi-Fi" not in result.sentence
    facts = [seen(kinds.TRUST, "trusted"), seen(kinds.CONNECTION, "wifi")]
    (result,) = doctor_phones.phones(at(tmp_path, *facts))
    assert result.sentence.endswith("(over Wi-Fi)")


def test_the_name_in_the_configuration_wins_and_ignored_phones_are_left_out(tmp_path: Path) -> None:
    """The doctor speaks of phones as the person does."""
    config = Config(devices=(Device(ANNA, name="Mum"), Device(BEN, ignore=True)))
    results = doctor_phones.phones(at(tmp_path, *HEALTHY, seen(kinds.TRUST, "never", phone(BEN)), config=config))
    assert [result.sentence.split()[0] for result in results] == ["Mum"]


@pytest.mark.parametrize(
    ("facts", "level", "fix"),
    [
        ([seen(kinds.TRUST, "never")], Level.BROKEN, "backupwatch pair"),
        ([seen(kinds.TRUST, "lost")], Level.BROKEN, "backupwatch pair"),
        ([blind(BlindReason.LOCKED, phone(ANNA))], Level.WARNING, "Unlock"),
        ([blind(BlindReason.UNTRUSTED, phone(ANNA))], Level.BROKEN, "backupwatch pair"),
        ([blind(BlindReason.TIMEOUT, phone(ANNA))], Level.WARNING, "Connect it again"),
        ([], Level.BROKEN, "backupwatch pair"),
    ],
)
def test_every_trouble_with_a_phone_has_its_own_cure(tmp_path: Path, facts: list[Fact], level: Level, fix: str) -> None:
    """Never paired, trust lost, not unlocked, unreadable, and none at all."""
    (result,) = doctor_phones.phones(at(tmp_path, *facts))
    assert result.level is level
    assert fix in result.fix


def test_a_guest_that_charges_here_is_no_fault(tmp_path: Path) -> None:
    """Beside a phone that is watched, a stranger is worth a line, not an alarm."""
    results = doctor_phones.phones(at(tmp_path, *HEALTHY, seen(kinds.TRUST, "never", phone(BEN))))
    assert levels(results) == [Level.OK, Level.WARNING]


def test_wifi_access_is_told_per_phone(tmp_path: Path) -> None:
    """Off is worth a warning; unknown is not told as off."""
    facts = [*HEALTHY, seen(kinds.WIFI_ACCESS, False, phone(BEN))]
    assert levels(doctor_phones.wifi_access(at(tmp_path, *facts))) == [Level.OK, Level.WARNING]
    assert doctor_phones.wifi_access(at(tmp_path, seen(kinds.WIFI_ACCESS, None))) == []


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ([seen(kinds.CONNECTION, "wifi")], Level.OK, "1 phone heard"),
        (list(HEALTHY), Level.OK, "by cable"),
        ([], Level.WARNING, "may be normal"),
        ([blind(BlindReason.NETWORK, HOST, "iphone:wifi-browse", "No network")], Level.WARNING, "No network"),
    ],
)
def test_the_local_network_is_judged_by_what_was_heard(
    tmp_path: Path, facts: list[Fact], level: Level, words: str
) -> None:
    """A sleeping phone is silent, and that is said."""
    (result,) = doctor_phones.network(at(tmp_path, *facts))
    assert result.level is level
    assert words in result.sentence


def test_a_network_that_nobody_wants_searched_is_no_warning(tmp_path: Path) -> None:
    """polling.wifi = false is a choice."""
    (result,) = doctor_phones.network(at(tmp_path, config=Config(polling=Polling(wifi=False))))
    assert result.level is Level.OK


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (timedelta(days=20, hours=23), Level.OK),
        (timedelta(days=21), Level.WARNING),
        (timedelta(days=29, hours=23), Level.WARNING),
        (timedelta(days=30), Level.BROKEN),
    ],
)
def test_a_pairing_about_to_lapse_is_told_in_time(tmp_path: Path, age: timedelta, level: Level) -> None:
    """A warning after 21 days without a meeting, lapsed after 30."""
    (result,) = doctor_phones.pairing_age(at(tmp_path, snapshot=met(ANNA, age)))
    assert result.level is level


def test_a_phone_that_is_here_has_no_age(tmp_path: Path) -> None:
    """Every meeting renews the pairing."""
    assert doctor_phones.pairing_age(at(tmp_path, *HEALTHY, snapshot=met(ANNA, timedelta(days=40)))) == []


# -- account and pages ----------------------------------------------------------------------------------------------

WITH_ACCOUNT = Config(account=Account(apple_id="anna@example.com"))


@pytest.mark.parametrize(
    ("state", "level", "fix"),
    [
        ("ok", Level.OK, ""),
        ("sign-in-needed", Level.BROKEN, "backupwatch login"),
        ("locked", Level.BROKEN, "iforgot.apple.com"),
        ("terms", Level.BROKEN, "Accept"),
        ("web-access-off", Level.WARNING, "Settings >"),
        ("unreachable", Level.WARNING, "internet"),
    ],
)
def test_every_state_of_the_account_has_its_line(tmp_path: Path, state: str, level: Level, fix: str) -> None:
    """The words are the contract's; each has its own cure."""
    situation = at(tmp_path, seen(kinds.ACCOUNT_STATE, state, ACCOUNT), config=WITH_ACCOUNT)
    (result,) = doctor_online.account(situation)
    assert result.level is level
    assert fix in result.fix


def test_a_session_that_ends_soon_is_told_before_it_does(tmp_path: Path) -> None:
    """A week is enough to find a quiet minute."""
    ok = seen(kinds.ACCOUNT_STATE, "ok", ACCOUNT)
    for days, level in ((6, Level.WARNING), (20, Level.OK)):
        ends = seen(kinds.SESSION_EXPIRES, (NOW + timedelta(days=days)).isoformat(), ACCOUNT)
        (result,) = doctor_online.account(at(tmp_path, ok, ends, config=WITH_ACCOUNT))
        assert result.level is level


def test_no_account_is_a_choice_and_no_fault(tmp_path: Path) -> None:
    """Nobody has to sign in."""
    (result,) = doctor_online.account(at(tmp_path))
    assert result.level is Level.OK


def test_an_account_that_could_not_be_looked_at_is_not_called_healthy(tmp_path: Path) -> None:
    """Unknown is said to be unknown."""
    (result,) = doctor_online.account(at(tmp_path, config=WITH_ACCOUNT))
    assert result.level is Level.WARNING
    assert "could not be checked" in result.sentence


def test_a_page_that_was_served_from_a_copy_is_not_called_reachable(tmp_path: Path) -> None:
    """An old copy beside a failed look is a failed look."""
    facts = [seen(kinds.SERVICES_LISTED, [], STATUS), blind(BlindReason.NETWORK, STATUS, "apple-status")]
    (result,) = doctor_online.apple_status(at(tmp_path, *facts))
    assert result.level is Level.WARNING


# -- this computer --------------------------------------------------------------------------------------------------


def test_a_wrong_configuration_is_broken_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The defaults hold meanwhile."""
    situation = dataclasses.replace(at(tmp_path), config_error=BackupwatchError("line 3: no such key"))
    (result,) = doctor_computer.configuration(situation)
    assert result.level is Level.BROKEN
    assert "config check" in result.fix


async def test_without_a_desktop_notifications_are_said_to_wait(tmp_path: Path) -> None:
    """No D-Bus is a warning, since alerts are kept."""
    (result,) = await doctor_computer.notifications(at(tmp_path))
    assert result.level is Level.WARNING
    assert "wait" in result.fix


async def test_notifications_that_are_switched_off_are_a_choice(tmp_path: Path) -> None:
    """alerts.desktop = false."""
    (result,) = await doctor_computer.notifications(at(tmp_path, config=Config(alerts=Alerts(desktop=False))))
    assert result.level is Level.OK


def service_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unit: str | None, **shown: str) -> Result:
    """The doctor's line where systemd says this about the unit."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if unit is not None:
        file = tmp_path / ".config/systemd/user/backupwatch.service"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(unit)

    def systemctl(argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        return Ran(0, "\n".join(f"{key}={value}" for key, value in shown.items()) if "show" in argv else "")

    from backupwatch.service.systemd import Systemd

    monkeypatch.setattr(doctor_computer, "manager", lambda **_options: Systemd(systemctl))
    (result,) = doctor_computer.login_service(at(tmp_path), runner=systemctl)
    return result


def test_every_state_of_the_service_has_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Absent, running, stopped, failed, changed, of another version, without its Python."""
    import sys

    from backupwatch.service import definition, systemd

    ours = systemd.render(Path(sys.executable), {})
    running = {"ActiveState": "active", "UnitFileState": "enabled", "StatusText": "2 phones, 0 stale"}

    def line(unit: str | None, **shown: str) -> tuple[Level, str]:
        result = service_said(monkeypatch, tmp_path, unit, **shown)
        return result.level, result.sentence

    assert line(None) == (Level.WARNING, "The login service is not installed")
    assert line(ours, **running) == (Level.OK, "The service runs (2 phones, 0 stale)")
    assert line(ours, ActiveState="inactive")[0] is Level.BROKEN
    assert "it hung" in line(ours, ActiveState="failed", Result="watchdog")[1]
    assert "by hand" in line(ours.replace("Nice=10", "Nice=11"), **running)[1]
    assert "not after the next login" in line(ours, **{**running, "UnitFileState": "disabled"})[1]
    gone = systemd.render(Path("/nowhere/python"), {})
    assert line(gone, **running) == (Level.BROKEN, "The Python that the service starts is gone")
    bare = "".join(row for row in ours.splitlines(keepends=True) if "sha256=" not in row)
    older = definition.stamped(f"# @STAMP@\n{bare}", "0.0.1")
    assert "0.0.1" in line(older, **running)[1]
    assert __version__ in line(older, **running)[1]


def test_an_unwritable_memory_is_broken(tmp_path: Path) -> None:
    """So is one that cannot be read."""
    situation = dataclasses.replace(
        at(tmp_path), store_error=BackupwatchError("The memory file is damaged", fix="Move it")
    )
    (result,) = doctor_computer.store(situation)
    assert (result.level, result.fix) == (Level.BROKEN, "Move it")


def test_the_clock_is_held_against_the_phones(tmp_path: Path) -> None:
    """One phone that agrees is enough; when none does, this computer is suspected."""

    def no_timedatectl(argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        return Ran(127)

    def level(*offsets: float, now: datetime = NOW) -> Level:
        facts = [seen(kinds.CLOCK_OFFSET, offset) for offset in offsets]
        situation = dataclasses.replace(at(tmp_path, *facts), now=now)
        return doctor_computer.clock_sane(situation, runner=no_timedatectl)[0].level

    assert level() is Level.OK
    assert level(60.0) is Level.OK
    assert level(7200.0, 0.0) is Level.OK
    assert level(7200.0, -900.0) is Level.WARNING
    assert level(now=datetime(2001, 1, 1, tzinfo=UTC)) is Level.BROKEN


def test_on_a_mac_closed_backup_folders_lead_to_full_disk_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path in System Settings is named; elsewhere nothing is said."""
    mac = dataclasses.replace(at(tmp_path), platform="darwin")
    folder = tmp_path / "Library/Application Support/MobileSync/Backup"

    assert doctor_computer.full_disk_access(at(tmp_path)) == []
    assert doctor_computer.full_disk_access(mac, home=tmp_path)[0].level is Level.OK

    def closed(_self: Path) -> None:
        raise PermissionError

    folder.mkdir(parents=True)
    assert doctor_computer.full_disk_access(mac, home=tmp_path)[0].level is Level.OK
    monkeypatch.setattr(Path, "iterdir", closed)
    (result,) = doctor_computer.full_disk_access(mac, home=tmp_path)
    assert "Full Disk Access" in result.fix


def broken_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> Situation:
    """What the doctor works with when a file was right (if ``before``), was read, and then got a mistake."""
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(folder / "state"))
    own = folder / "config.toml"
    if before:
        own.write_text(before, "utf-8")
        os.utime(own, (1e9, 1e9))
        quick_config(own)
    own.write_text("[polling]\nwifi = false\nwhat = 1\n", "utf-8")
    return doctor.situation(own, NOW)


async def test_with_an_invalid_configuration_nothing_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defaults would search the network that the file forbids to search, and ask Apple."""
    situation = broken_configuration(tmp_path, monkeypatch, "")
    assert await doctor.look_around(situation) == []
    told = {result.id: result for result in await doctor.examine(situation)}
    assert told["config"].level is Level.BROKEN
    for line in ("usbmuxd", "phones", "network", "account", "apple-status"):
        assert "not checked, because the configuration is not valid" in told[line].sentence
        assert told[line].fix


def test_with_an_invalid_configuration_the_last_valid_one_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the daemon; the mistake is told all the same."""
    situation = broken_configuration(tmp_path, monkeypatch, '[polling]\nwifi = false\n[account]\napple_id = "a@b.c"\n')
    assert situation.configured
    assert (situation.config.polling.wifi, situation.config.account.apple_id) == (False, "a@b.c")
    (result,) = doctor_computer.configuration(situation)
    assert result.level is Level.BROKEN
    assert "last valid one" in result.sentence


# -- the whole ------------------------------------------------------------------------------------------------------


async def test_a_probe_that_fails_hides_no_other(tmp_path: Path) -> None:
    """What could not be checked is said to be so."""

    def broken(_situation: Situation) -> list[Result]:
        raise RuntimeError("secret words of some library")

    (result,) = await doctor.bordered("clock", "The clock", broken, at(tmp_path))
    assert result.level is Level.WARNING
    assert "could not be checked" in result.sentence
    assert "secret" not in result.sentence


def test_the_exit_code_is_the_worst_of_all() -> None:
    """0 all is well, 1 a warning, 2 something broken."""
    ok, warning, broken = (Result("x", level, "x") for level in Level)
    assert doctor.exit_code([]) == 0
    assert doctor.exit_code([ok]) == 0
    assert doctor.exit_code([warning, ok]) == 1
    assert doctor.exit_code([broken, warning, ok]) == 2


def test_the_lines_fit_a_terminal_and_no_name_can_steer_it() -> None:
    """80 columns, and no escape code gets through."""
    nasty = Result("phone:x", Level.BROKEN, "Evil \x1b[2J" + "name " * 30, "Run: backupwatch pair " * 6)
    told = lines([nasty, Result("disk", Level.OK, "There is room")], 80)
    assert max(map(len, told)) <= 80
    assert "\x1b" not in "".join(told)
    assert told[-1] == "1 of 2 things want attention."


def test_a_colour_is_for_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR and a dumb terminal are respected."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for term, no_color, wanted in (("xterm", "", True), ("xterm", "1", False), ("dumb", "", False)):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("NO_COLOR", no_color)
        assert colours(Terminal()) is wanted


def test_every_line_that_is_not_well_says_what_to_do(tmp_path: Path) -> None:
    """A complaint without a cure would be no help."""
    facts = [blind(BlindReason.NO_USBMUXD, HOST), seen(kinds.TRUST, "lost"), seen(kinds.WIFI_ACCESS, False)]
    situation = at(tmp_path, *facts, config=WITH_ACCOUNT)
    pure = [doctor_phones.usbmuxd, doctor_phones.phones, doctor_phones.wifi_access, doctor_phones.network,
            doctor_phones.pairing_age, doctor_online.account, doctor_online.apple_status]  # fmt: skip
    for probe in pure:
        for result in probe(situation):
            assert result.level is Level.OK or result.fix, result
