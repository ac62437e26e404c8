"""Whatever a phone answers becomes facts of the promised shape, or facts that say that there is none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation, phone, to_line
from backupwatch.sources import iphone_services, iphone_values
from backupwatch.sources.iphone_values import Values

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
UDID = phone("00008140-001C2D3E4F50001C")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)

SHAPES: dict[str, type | tuple[type, ...]] = {
    kinds.CLOUD_BACKUP_ENABLED: bool, kinds.BACKUP_ENCRYPTED: bool, kinds.ON_POWER: bool, kinds.CHARGING: bool,
    kinds.BATTERY_PERCENT: int, kinds.LOCKED: bool, kinds.FIND_MY_ON: bool, kinds.WIFI_ACCESS: bool,
    kinds.WIFI_JOINED: bool, kinds.SUPERVISED: bool, kinds.DISK_TOTAL: int, kinds.DISK_AVAILABLE: int,
    kinds.CLOCK_OFFSET: float, kinds.PROFILES: list,
}  # fmt: skip
"""The kinds that are no text; each may be None."""


class Says:
    """A phone that answers every question with the same thing."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def value(self, domain: str | None, key: str | None) -> Any:
        return self._answer


async def everything(answer: Any) -> Values:
    says = Says(answer)
    return [
        *await iphone_values.read_identity(says),
        *await iphone_values.read_backup(says, NOW),
        *await iphone_values.read_battery(says),
        *await iphone_values.read_disk(says),
        *await iphone_values.read_state(says),
        *await iphone_values.read_clock(says, lambda: NOW),
        *iphone_services.wifi_facts(answer),
        *iphone_services.management_facts(answer, answer),
    ]


def hold(values: Values) -> None:
    """Each value crosses the border of the process, and has the shape that the checks rely on."""
    for kind, value in values:
        to_line(Observation(UDID, kind, value, NOW, "iphone"))
        assert value is None or isinstance(value, SHAPES.get(kind, str)), kind
        assert not isinstance(value, str) or len(value) <= 512


@given(ANYTHING)
def test_any_answer_at_all_becomes_sound_facts(answer: Any) -> None:
    """A phone may answer nonsense to everything."""
    hold(asyncio.run(everything(answer)))


NAMES = ["LastCloudBackupDate", "CloudBackupEnabled", "WillEncrypt", "ExternalConnected", "BatteryCurrentCapacity",
         "IOLinkStatus", "IO80211SSID", "IsSupervised", "OrganizationName", "ProfileMetadata"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
def test_any_value_under_a_known_key_becomes_sound_facts(answer: dict[str, Any]) -> None:
    """The right keys may hold the wrong things."""
    hold(asyncio.run(everything(answer)))


@pytest.mark.parametrize("percent", [-1, 101, 140, True, 50.5])
def test_a_battery_that_no_battery_can_be_is_unknown(percent: object) -> None:
    """140 percent is not 100 percent."""
    values = dict(asyncio.run(iphone_values.read_battery(Says({"BatteryCurrentCapacity": percent}))))
    assert values[kinds.BATTERY_PERCENT] is None


def test_free_space_and_clock_do_not_change_with_every_look() -> None:
    """They are rounded, so that history keeps a line and not a cloud."""
    free = dict(asyncio.run(iphone_values.read_disk(Says(41_234_567_890))))
    assert free[kinds.DISK_AVAILABLE] == 41_200_000_000
    clock = dict(asyncio.run(iphone_values.read_clock(Says(NOW.timestamp() + 29), lambda: NOW)))
    assert clock[kinds.CLOCK_OFFSET] == 0.0


def test_a_wifi_entry_that_does_not_tell_is_no_fact() -> None:
    """Unknown is neither on nor off."""
    assert iphone_services.wifi_facts({"BSD Name": "en0"}) == []
    assert iphone_services.wifi_facts(None) == []
