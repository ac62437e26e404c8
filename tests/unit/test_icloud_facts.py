"""Apple's documents are hostile until parsed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, Observation, to_line
from backupwatch.sources import icloud_facts, icloud_trouble

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
KEYS = st.sampled_from([
    "usedStorageInBytes", "totalStorageInBytes", "overQuota", "almost-full", "paidQuota", "backup", "name", "model",
    "osVersion", "rawDeviceModel", "deviceStatus", "batteryLevel", "batteryStatus", "lowPowerMode", "location",
    "timeStamp", "dsInfo", "primaryEmailVerified",
])  # fmt: skip
DOCUMENT = st.dictionaries(KEYS, ANY_JSON | st.dictionaries(KEYS, ANY_JSON, max_size=4), max_size=8)


def crosses_the_border(values: dict[str, Any]) -> None:
    for kind, value in values.items():
        to_line(Observation(ACCOUNT, kind, value, NOW, "icloud"))


@given(DOCUMENT, DOCUMENT, DOCUMENT)
def test_no_document_crashes_a_look(one: dict[str, Any], two: dict[str, Any], media: dict[str, Any]) -> None:
    """Whatever shape Apple's answers take, a look ends in plain facts or in a clear "cannot be read"."""
    crosses_the_border(icloud_facts.account_values(one))
    crosses_the_border(icloud_facts.find_my_values(one))
    crosses_the_border({"rows": icloud_facts.device_rows([one, two])})
    icloud_facts.match([one | {"udid": "x"}], [two, one])
    note, _ = icloud_facts.share_changed(one, 5, NOW)
    json.dumps(note)
    try:
        values = icloud_facts.quota_values(one, two, media)
    except ValueError:
        return
    crosses_the_border(values)
    quota: Any = values[kinds.QUOTA]
    assert quota["total_bytes"] > 0
    assert quota["available_bytes"] >= 0


@pytest.mark.parametrize(
    "usage", [{}, None, [], {"usedStorageInBytes": 1}, {"usedStorageInBytes": 1, "totalStorageInBytes": 0}]
)
def test_a_quota_without_a_total_is_no_quota(usage: Any) -> None:
    """A missing or zero total is unknown, never "0 bytes left"."""
    with pytest.raises(ValueError, match="no usage"):
        icloud_facts.quota_values(usage, {}, {})


@pytest.mark.parametrize(
    ("media", "backup"), [({}, None), ({"photos": 5}, 0), ({"backup": 7}, 7), ({"backup": -1}, None)]
)
def test_no_backup_share_is_zero_only_where_shares_are_known(media: dict[str, Any], backup: int | None) -> None:
    """An account without backups uses none; an answer without any list of shares says nothing."""
    values = icloud_facts.quota_values({"usedStorageInBytes": 1, "totalStorageInBytes": 9}, {}, media)
    quota: Any = values[kinds.QUOTA]
    assert quota["backup_bytes"] == backup


def test_an_offline_phone_has_no_battery_level() -> None:
    """Find My says 0.0 and Unknown for a phone it cannot reach; that is not an empty battery."""
    values = icloud_facts.find_my_values({"deviceStatus": "201", "batteryLevel": 0.0, "batteryStatus": "Unknown"})
    assert values == {kinds.FIND_MY_STATUS: "offline"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 22 Nov 2026 14:35:00 GMT", 1800),
        ("Sun, 22 Nov 2026 13:00:00 GMT", 0),
        ("99999999999999999999", 7 * 86_400),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("１２", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, seconds: float | None) -> None:
    """Seconds or a date; nonsense is no wish, and no wish is longer than a week."""
    assert icloud_trouble.retry_after({"Retry-After": header}, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_crashes(header: str) -> None:
    """Whatever stands in the header, it is a bounded number or nothing."""
    seconds = icloud_trouble.retry_after({"Retry-After": header}, NOW)
    assert seconds is None or 0 <= seconds <= icloud_trouble.LONGEST_WAIT


@given(st.integers(200, 599), st.binary(max_size=60), st.sampled_from(["application/json", "text/html", ""]))
def test_every_answer_is_judged_and_nothing_of_it_is_quoted(status: int, body: bytes, kind: str) -> None:
    """No answer crashes the judge, and no word of it gets into a sentence for people."""
    response = requests.Response()
    response.status_code, response._content = status, b"PLANTED" + body
    response.headers["Content-Type"] = kind
    response.url = "https://setup.icloud.com/setup/ws/1/validate"
    trouble = icloud_trouble.of_response(response, NOW)
    if trouble is not None:
        assert "PLANTED" not in trouble.sentence
        assert "\n" not in trouble.sentence
    elif status < 300:
        raise AssertionError("an answer that is no JSON object must not pass for one")
