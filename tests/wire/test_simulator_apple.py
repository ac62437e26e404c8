"""The simulated pages of Apple, over real HTTP."""

from __future__ import annotations

import json

import pytest
import requests
from simulator_kit import ANNA, ONE_PHONE, at, on_stage

STORY = f"""
title = "An outage and an update"
[[phone]]
udid = "{ANNA}"
model = "iPhone17,1"
[[apple.event]]
service = "iCloud Backup"
from = {{ day = -3, time = "20:00" }}
to = {{ day = -1, time = "06:00" }}
[[apple.event]]
type = "Maintenance"
service = "Find My"
from = {{ day = -1, time = "10:00" }}
to = {{ day = -1, time = "12:00" }}
[[apple.release]]
version = "26.1"
build = "23B85"
day = -40
[[apple.release]]
version = "26.2"
build = "23C55"
day = -2
"""


def events(document: dict, service: str) -> list[tuple[str, bool]]:
    (found,) = [one for one in document["services"] if one["serviceName"] == service]
    return [(event["eventStatus"], event["epochEndDate"] is not None) for event in found["events"]]


def test_an_outage_begins_and_ends_as_told() -> None:
    """Before an outage the page is empty, during it the event is ongoing, afterwards it stays as resolved."""
    with on_stage(STORY) as stage:
        found = []
        for day in (-4, -2, 0):
            stage.move_to(at(day, "12:00"))
            found.append(events(requests.get(stage.apple.system_status, timeout=10).json(), "iCloud Backup"))
        assert found == [[], [("ongoing", False)], [("resolved", True)]]


def test_maintenance_is_announced() -> None:
    """Planned work is upcoming before it begins, and completed after it."""
    with on_stage(STORY) as stage:
        found = []
        for day, clock in ((-2, "12:00"), (-1, "11:00"), (0, "12:00")):
            stage.move_to(at(day, clock))
            found += events(requests.get(stage.apple.system_status, timeout=10).json(), "Find My")
        assert [status for status, _ in found] == ["upcoming", "ongoing", "completed"]


def test_a_release_appears_on_its_day() -> None:
    """Both lists of releases offer a version from the day on which it came out."""
    with on_stage(STORY) as stage:
        newest = []
        for day in (-3, 0):
            stage.move_to(at(day, "12:00"))
            sofa = requests.get(stage.apple.ios_releases, timeout=10).json()
            gdmf = requests.get(stage.apple.gdmf, timeout=10).json()["PublicAssetSets"]["iOS"]
            latest = sofa["OSVersions"][0]["Latest"]
            assert "iPhone17,1" in latest["SupportedDevices"]
            phones = [one["ProductVersion"] for one in gdmf if "iPhone17,1" in one["SupportedDevices"]]
            newest.append((latest["ProductVersion"], max(phones)))
        assert newest == [("26.1", "26.1"), ("26.2", "26.2")]


def test_a_known_page_is_not_sent_again() -> None:
    """With the ETag or the date of the last copy the answer is 304; after a change it is the new page."""
    with on_stage(STORY) as stage:
        stage.move_to(at(-2, "12:00"))
        url = stage.apple.system_status
        first = requests.get(url, timeout=10)
        etag = {"If-None-Match": first.headers["ETag"]}
        assert first.headers["Content-Encoding"] == "gzip"
        assert requests.get(url, headers=etag, timeout=10).status_code == 304
        since = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert requests.get(url, headers=since, timeout=10).status_code == 304
        stage.move_to(at(0, "12:00"))
        assert requests.get(url, headers=etag, timeout=10).status_code == 200
        assert [status for _, status in stage.apple.requests] == [200, 304, 304, 200]


def test_the_page_as_a_function_call() -> None:
    """The status page can come wrapped in a function call, as Apple's developer page does."""
    with on_stage(f"apple.jsonp = true\n{ONE_PHONE}") as stage:
        body = requests.get(stage.apple.system_status, timeout=10).text
        assert body.startswith("jsonCallback(")
        assert json.loads(body.removeprefix("jsonCallback(").removesuffix(");"))["services"]


@pytest.mark.parametrize("kind", ["500", "503", "html", "truncated", "hang", "reset"])
def test_pages_fail_in_every_way(kind: str) -> None:
    """Each fault of a page is one that real servers have."""
    fault = f'[[apple.fault]]\ndocument = "system-status"\nkind = "{kind}"\nretry_after = 77\n'
    with on_stage(f"{STORY}\n{fault}") as stage:
        url = stage.apple.system_status
        if kind in ("truncated", "hang", "reset"):
            with pytest.raises(requests.RequestException):
                requests.get(url, timeout=0.5)
        else:
            answer = requests.get(url, timeout=10)
            assert answer.status_code == {"500": 500, "503": 503, "html": 200}[kind]
            assert answer.headers.get("Retry-After") == ("77" if kind == "503" else None)
            assert answer.text.startswith("<!DOCTYPE html>")
        assert requests.get(stage.apple.ios_releases, timeout=10).status_code == 200


def test_it_listens_on_loopback_only() -> None:
    """No door of the stage can be reached from another machine."""
    with on_stage(STORY) as stage:
        addresses = [stage.advanced[key] for key in ("icloud", "system_status", "ios_releases")]
        assert all(address.startswith("http://127.0.0.1:") for address in addresses)
        assert stage.usbmuxd_tcp.startswith("127.0.0.1:")
        assert stage.phones[ANNA].address.startswith("127.")
