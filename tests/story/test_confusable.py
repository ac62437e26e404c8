"""Stories that are easily confused: each pair looks alike from afar, and is told apart by its facts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from test_stories import Ear

from backupwatch import log
from backupwatch import round as rounds
from backupwatch.judge.verdict import DeviceVerdict, Verdict
from backupwatch.simulator import scenario as scenarios
from backupwatch.story import telling

TODAY = date(2026, 11, 22)
ANNA = '[[phone]]\nudid = "00008140-001C2D3E4F50001C"\nname = "Anna\'s iPhone"\n'
FULL = "\n[account]\ntotal = 5368709120\nused = 5368700000\nover_quota = true\nalmost_full = true\n"
ROOM = "\n[account]\ntotal = 53687091200\nused = 4402341478\n"
OUTAGE = '\n[[apple.event]]\nservice = "iCloud Backup"\ntype = "Outage"\nfrom = { day = -6, time = "20:00" }\n'


async def end_of(story: str, folder: Path) -> tuple[Verdict, Ear]:
    log.configure(level="critical")
    ear = Ear()
    text = f'title = "t"\nlooks = ["02:30", "13:00", "23:30"]\n{story}'
    async with telling(scenarios.parse(text, "story.toml"), folder, [ear], today=TODAY) as told:
        for moment in told.moments():
            await told.look_at(moment)
        return rounds.judged(told.watch, told.moments()[-1])[1], ear


def causes(device: DeviceVerdict) -> list[tuple[str, str]]:
    return [(cause.id, cause.certainty.value) for cause in device.causes]


def answer(device: DeviceVerdict, cause: str) -> str:
    if cause in {found.id for found in device.causes}:
        return "blamed"
    return "ruled out" if cause in {out.id for out in device.ruled_out} else "not checked"


async def test_full_storage_during_an_outage_is_both_and_both_are_told(tmp_path: Path) -> None:
    story = ANNA + 'connection = "both"\nbackups = [{ last = -6 }, { first = -5, kind = "failed:303" }]\n'
    verdict, _ = await end_of(story + OUTAGE + FULL, tmp_path)
    found = dict(causes(verdict.devices[0]))
    assert found["icloud-storage-full"] == "certain"
    assert "apple-outage" in found


async def test_an_outage_that_began_this_morning_cannot_explain_nine_days(tmp_path: Path) -> None:
    story = ANNA + 'connection = "both"\nbackups = [{ last = -9 }]\n'
    morning = OUTAGE.replace("day = -6", "day = 0").replace("20:00", "06:00")
    verdict, _ = await end_of(story + morning + ROOM, tmp_path)
    assert answer(verdict.devices[0], "apple-outage") != "blamed"


async def test_charging_but_never_locked_blames_neither_power_nor_wifi(tmp_path: Path) -> None:
    """Somebody uses the phone all night on its charger: iOS cancels at every unlock."""
    story = ANNA + 'connection = "both"\nbackups = [{ last = -9 }]\nnights = { locked = false, power = true }\n'
    verdict, _ = await end_of(story + ROOM, tmp_path)
    (device,) = verdict.devices
    assert answer(device, "no-power") == "ruled out"
    assert answer(device, "no-wifi") == "ruled out"


async def test_wifi_off_at_night_is_not_a_phone_that_is_away(tmp_path: Path) -> None:
    off = ANNA + 'connection = "usb"\nbackups = [{ last = -9 }]\nnights = { wifi = false }\n'
    verdict, _ = await end_of(off + ROOM, tmp_path / "off")
    assert causes(verdict.devices[0])[0][0] == "no-wifi"
    away = ANNA + 'connection = "both"\nbackups = [{ last = 0 }]\n[[phone.at]]\nday = -8\nconnection = "away"\n'
    verdict, ear = await end_of(away + ROOM, tmp_path / "away")
    assert verdict.devices[0].state.value == "unseen"
    assert not verdict.devices[0].causes
    assert any("has not been seen" in message.title for message in ear.heard)
    assert not any("no backup" in message.title for message in ear.heard)


async def test_a_locked_account_is_not_apple_being_down(tmp_path: Path) -> None:
    phone = ANNA + 'connection = "both"\nbackups = [{ last = 0 }]\n'
    locked = '\n[account]\n[[account.at]]\nday = -2\nstate = "locked"\n'
    verdict, ear = await end_of(phone + locked, tmp_path / "locked")
    assert verdict.account.state == "locked"
    assert [message.title for message in ear.heard] == ["Your Apple Account is locked"]
    down = "\n[account]\n[[account.at]]\nday = -2\nfaults = { setup = { status = 503, retry_after = 1800 } }\n"
    verdict, ear = await end_of(phone + down, tmp_path / "down")
    assert verdict.account.state == "unreachable"
    assert ear.heard == []
