"""The newest iOS for each model."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts.observation import RELEASES, Observation, from_line, to_line
from backupwatch.sources.ios_releases import _newest, _parse

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
NEW, BOTH, LAST = "iPhone17,1", "iPhone12,1", "iPhone11,8"


def entry(version: str, *models: str, **more: Any) -> dict[str, Any]:
    return {"ProductVersion": version, "ReleaseDate": "2026-09-08T00:00:00Z", "SupportedDevices": list(models)} | more


def sofa(*majors: tuple[dict[str, Any] | None, list[Any]]) -> bytes:
    rows = [{"OSVersion": "x", "Latest": latest, "SecurityReleases": earlier} for latest, earlier in majors]
    return json.dumps({"Version": "2.0", "UpdateHash": "x", "OSVersions": rows}).encode()


def gdmf(*entries: dict[str, Any], managed: tuple[dict[str, Any], ...] = ()) -> bytes:
    sets = {
        "iOS": [{("PostingDate" if k == "ReleaseDate" else k): v for k, v in e.items()} for e in entries],
        "macOS": [],
    }
    return json.dumps(
        {"PublicAssetSets": sets, "AssetSets": {"iOS": list(managed)}, "PublicBackgroundSecurityImprovements": {}}
    ).encode()


def newest(body: bytes, model: str, at: datetime = NOW) -> Any:
    return _newest(model, [one for one in _parse(body) if one.expires_at is None or one.expires_at > at])


RECORDED = [
    entry("26.6.1", NEW, BOTH, ReleaseDate="2026-08-17", ExpirationDate="2026-12-07", Build="23G83"),
    entry("26.6.1", NEW, BOTH, ReleaseDate="2026-08-19", ExpirationDate="2026-12-07", Build="23G6083"),
    entry("18.7.8", BOTH, ReleaseDate="2026-08-17", ExpirationDate="2026-12-07"),
    entry("18.7.10", LAST, ReleaseDate="2026-08-17", ExpirationDate="2026-12-07"),
    entry("26.9", "Watch6,1", "AppleTV11,1", ReleaseDate="2026-08-17"),
    entry("26.7", NEW, ReleaseDate="2026-08-18", ExpirationDate="2026-09-01"),
]
"""As Apple's list looked in August 2026: two builds, two lines at once, watches and TVs, an expired entry."""


@pytest.mark.parametrize(
    "body",
    [gdmf(*RECORDED), sofa((RECORDED[0], RECORDED[1:2] + RECORDED[4:]), (None, RECORDED[2:4]))],
    ids=["Apple's", "SOFA's"],
)
def test_each_model_gets_its_own_newest_version(body: bytes) -> None:
    """From either list: the newest line, the line of its own major, and the last one of an older model."""
    date = "2026-08-17T00:00:00Z"
    assert newest(body, NEW) == {"version": "26.6.1", "released_at": date, "own_major": {"26": "26.6.1"}}
    assert newest(body, BOTH) == {
        "version": "26.6.1",
        "released_at": date,
        "own_major": {"26": "26.6.1", "18": "18.7.8"},
    }
    assert newest(body, LAST) == {"version": "18.7.10", "released_at": date, "own_major": {"18": "18.7.10"}}
    assert newest(body, "iPhone99,1") is None


def test_what_is_offered_to_managed_phones_alone_is_not_offered_to_people() -> None:
    """Only the public list counts."""
    assert newest(gdmf(entry("26.1", NEW), managed=(entry("27.0", NEW),)), NEW)["version"] == "26.1"


def test_versions_are_compared_as_numbers() -> None:
    """26.10 is newer than 26.9."""
    assert newest(gdmf(entry("26.9", NEW), entry("26.10", NEW)), NEW)["version"] == "26.10"


@pytest.mark.parametrize(
    "version", [None, 26, "", "26.6 (a)", "27.0b1", "1!26", "twenty", "26..1", "٢٦", "26.1-rc", "9" * 21]
)
def test_a_strange_version_is_not_offered(version: Any) -> None:
    """Betas, rapid responses and nonsense do not make a phone outdated."""
    assert newest(gdmf(entry("26.1", NEW), {**entry("x", NEW), "ProductVersion": version}), NEW)["version"] == "26.1"


@pytest.mark.parametrize("date", [None, "", 7, "soon", "2026-13-99"])
def test_a_missing_date_is_unknown(date: Any) -> None:
    """Without dates a release is still a release, and does not expire."""
    found = newest(gdmf(entry("26.1", NEW, ReleaseDate=date, ExpirationDate=date)), NEW, NOW + timedelta(days=4000))
    assert found == {"version": "26.1", "released_at": None, "own_major": {"26": "26.1"}}


def test_placeholders_without_models_say_nothing() -> None:
    """The old feed's empty lists are not taken for "no update"."""
    with pytest.raises(ValueError, match="no releases"):
        _parse(sofa((entry("26.1"), [entry("26.0")])))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"OSVersions": 3}',
        b'{"OSVersions": [1, null, {"Latest": 5}]}',
        b'{"PublicAssetSets": []}',
        b"<html>",
    ],
)
def test_another_document_is_not_taken_for_it(body: bytes) -> None:
    """What names no release is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        _parse(body)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
entries = st.fixed_dictionaries(
    {
        "ProductVersion": st.from_regex(r"\A\d{1,2}(\.\d{1,2}){0,2}\Z") | values,
        "SupportedDevices": st.lists(st.sampled_from([NEW, BOTH]) | values) | values,
    },
    optional={
        "ReleaseDate": st.datetimes().map(str) | values,
        "PostingDate": values,
        "ExpirationDate": st.dates().map(str) | values,
    },
)


@given(st.lists(entries | values), st.booleans())
def test_no_document_breaks_the_reading(rows: list[Any], ours: bool) -> None:
    """Whatever the list says: a fact that can be stored and whose newest version is the greatest of its lines."""
    body = json.dumps(
        {"OSVersions": [{"Latest": None, "SecurityReleases": rows}]} if ours else {"PublicAssetSets": {"iOS": rows}}
    )
    try:
        found = newest(body.encode(), NEW)
    except ValueError:
        return
    if found is not None:
        assert found["version"] in found["own_major"].values()
        fact = Observation(RELEASES, "ios_releases", {NEW: found}, NOW, "ios-releases")
        assert from_line(to_line(fact)) == fact
