"""What Apple says about its services, as facts."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.clock import parse_rfc3339
from backupwatch.facts.observation import STATUS, Observation, from_line, to_line
from backupwatch.sources.apple_pages import document
from backupwatch.sources.apple_status import WATCHED, _parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = 3_600_000
AT = int(NOW.timestamp() * 1000)


def page(*events: Any, service: str = "iCloud Backup") -> bytes:
    return json.dumps(
        {"services": [{"serviceName": service, "events": list(events)}, {"serviceName": "Siri"}]}
    ).encode()


def event(**changes: Any) -> dict[str, Any]:
    return {
        "statusType": "Outage",
        "eventStatus": "ongoing",
        "epochStartDate": AT - HOUR,
        "epochEndDate": None,
        "message": "Prose.",
    } | changes


def read(body: bytes) -> list[Any]:
    return [event.at(NOW) for event in _parse(body)[1]]


@pytest.mark.parametrize("wrap", ["{}", "jsonCallback({});", "\ufeff{}\n", "\ufeff cb.x ( {} ) ;\n"])
def test_the_page_is_read_with_and_without_its_wrapping(wrap: str) -> None:
    """Plain JSON, a script around it, a byte order mark: all the same."""
    body = wrap.replace("{}", page(event()).decode()).encode()
    assert read(body) == [
        {
            "service": "iCloud Backup",
            "type": "Outage",
            "status": "ongoing",
            "started_at": "2026-11-22T11:00:00Z",
            "ended_at": None,
        }
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ongoing"),
        ({"epochEndDate": AT + HOUR}, "ongoing"),
        ({"epochEndDate": AT - 60_000}, "resolved"),
        ({"eventStatus": "resolved", "epochEndDate": AT - 60_000}, "resolved"),
        ({"eventStatus": "Upcoming", "statusType": "Maintenance", "epochStartDate": AT + HOUR}, "upcoming"),
        ({"eventStatus": "completed", "statusType": "Maintenance", "epochEndDate": AT - 60_000}, "completed"),
        ({"eventStatus": None}, "ongoing"),
        ({"eventStatus": "whatever", "epochEndDate": AT - 1}, "resolved"),
        ({"eventStatus": None, "epochStartDate": AT + HOUR}, "upcoming"),
    ],
)
def test_what_is_over_is_not_said_to_go_on(changes: dict[str, Any], status: str) -> None:
    """Past and planned events are kept, and told apart from what is wrong now."""
    assert [row["status"] for row in read(page(event(**changes)))] == [status]


def test_only_what_a_backup_needs_is_kept_and_prose_is_not() -> None:
    """Siri's troubles are nobody's cause; Apple's sentences are not stored."""
    assert read(page(event(), service="Siri")) == []
    assert read(page(event(statusType="Available"))) == []
    assert "Prose" not in json.dumps(read(page(event())))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("ICLOUD  backup ", "iCloud Backup"),
        ("Apple ID", "Apple Account"),
        ("iCloud Account & Sign In",) * 2,
        ("iCloud Storage Upgrades",) * 2,
    ],
)
def test_services_are_recognised_in_any_spelling(spelled: str, name: str) -> None:
    """Case, spaces and a former name do not hide an outage."""
    listed, _ = _parse(page(event(), service=spelled))
    assert listed == sorted([name, "Siri"])
    assert [row["service"] for row in read(page(event(), service=spelled))] == [name]


def test_events_come_oldest_first_and_once() -> None:
    """The same page in another order is the same fact."""
    one, two = event(epochStartDate=AT - 5 * HOUR, epochEndDate=AT - 4 * HOUR), event()
    assert read(page(two, one, one)) == read(page(one, two))
    assert [row["status"] for row in read(page(two, one))] == ["resolved", "ongoing"]


@pytest.mark.parametrize("moment", [None, 0, -1, "soon", True, 1e300, float("nan"), [], "1795341600000000000", 4e15])
def test_a_moment_that_cannot_be_is_unknown(moment: Any) -> None:
    """Nonsense in place of a time is no time."""
    assert read(page(event(epochStartDate=moment)))[0]["started_at"] is None


def test_times_may_be_written_as_text() -> None:
    """Milliseconds in quotes are milliseconds."""
    assert read(page(event(epochStartDate=str(AT))))[0]["started_at"] == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"services": {}}',
        b'{"services": [1, {}]}',
        b"alert(1)(",
        b"x({}) evil()",
        b"\xff\xfe{",
        b"9" * 5000,
    ],
)
def test_another_page_is_not_taken_for_it(body: bytes) -> None:
    """What lists no services is not the status page, and not "all is well"."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        _parse(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
event_like = st.dictionaries(
    st.sampled_from(["statusType", "eventStatus", "epochStartDate", "epochEndDate"]),
    json_values | st.integers(0, 4 * 10**12),
)
service_like = st.fixed_dictionaries(
    {"serviceName": st.sampled_from(WATCHED) | json_values, "events": st.lists(event_like | json_values) | json_values}
)


@given(json_values | st.fixed_dictionaries({"services": st.lists(service_like | json_values) | json_values}))
def test_no_document_breaks_the_reading(data: Any) -> None:
    """Whatever stands in the page: facts that can be stored, or a named refusal."""
    try:
        listed, events = _parse(json.dumps(data).encode())
    except ValueError:
        return
    assert listed
    for row in (event.at(NOW) for event in events):
        assert row["service"] in WATCHED
        assert row["status"] in {"ongoing", "resolved", "upcoming", "completed"}
        assert all(row[key] is None or parse_rfc3339(str(row[key])) for key in ("started_at", "ended_at"))
        fact = Observation(STATUS, "service_events", [row], NOW, "apple-status")
        assert from_line(to_line(fact)) == fact


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    """Bytes are a document or a ValueError."""
    with contextlib.suppress(ValueError):
        document(body)
