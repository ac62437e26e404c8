"""The newest iOS for each model, from a public list: SOFA's feed (version 2), or Apple's own asset list.

Sources of the two shapes: the feeds that macadmins/sofa publishes and records, September 2026.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from packaging.version import InvalidVersion, Version

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import RELEASES, Fact, Json, Observation
from backupwatch.sources.apple_pages import document, fetch, word
from backupwatch.sources.look import Request

LOOK: Final = "ios-releases"
_MAX_ENTRIES, _MAX_DEVICES = 2_000, 1_000


@dataclass(frozen=True, slots=True)
class _Release:
    """One version that is offered to some models; moments aware, in UTC."""

    version: Version
    models: frozenset[str]
    released_at: datetime | None
    expires_at: datetime | None


async def look(request: Request) -> AsyncIterator[Fact]:
    """Yield what is newest for the asked models, as of the list's date.

    Arguments: ``models`` (list of ProductTypes), ``url``, ``min_age_s`` and ``patience_s`` as
    :func:`backupwatch.sources.apple_pages.fetch` takes them. The whole list is fetched whatever the models are, so
    that nobody learns them; without models nothing is fetched.
    """
    models = [model for model in request.args.get("models", ()) if isinstance(model, str)]
    if not models:
        return
    page = await fetch(request, RELEASES, LOOK, "The list of iOS releases", _parse)
    if page.content is not None:
        current = [one for one in page.content if one.expires_at is None or one.expires_at > page.at]
        value = {model: summary for model in models if (summary := _newest(model, current)) is not None}
        yield Observation(RELEASES, kinds.IOS_RELEASES, value, page.at, LOOK)
    if page.trouble is not None:
        yield page.trouble


def _newest(model: str, releases: Iterable[_Release]) -> Mapping[str, Json] | None:
    mine = [release for release in releases if model in release.models]
    if not mine:
        return None
    newest = max(release.version for release in mine)
    dates = [release.released_at for release in mine if release.version == newest and release.released_at]
    own: dict[str, Version] = {}
    for release in mine:
        major = str(release.version.major)
        own[major] = max(own.get(major, release.version), release.version)
    return {
        "version": str(newest),
        "released_at": rfc3339(min(dates)) if dates else None,  # a version comes in two builds, a few days apart
        "own_major": {major: str(version) for major, version in own.items()},
    }


def _parse(body: bytes) -> list[_Release]:
    """Every release of either shape that says which models it is for.

    :raises ValueError: neither shape, or no release in it.
    """
    data = document(body)
    table = data if isinstance(data, dict) else {}
    entries = _sofa(table["OSVersions"]) if "OSVersions" in table else _gdmf(table)
    releases = [release for entry in islice(entries, _MAX_ENTRIES) for release in _release(entry)]
    if not releases:
        raise ValueError("no releases")
    return releases


def _sofa(versions: object) -> Iterator[Mapping[str, Any]]:
    """``OSVersions``: a list by major version, each with its latest and its earlier releases."""
    for major in versions if isinstance(versions, list) else ():
        if isinstance(major, dict):
            earlier = major.get("SecurityReleases")
            for entry in (major.get("Latest"), *(earlier if isinstance(earlier, list) else ())):
                if isinstance(entry, dict):
                    yield entry


def _gdmf(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """``PublicAssetSets.iOS``: what people are offered (``AssetSets`` is for managed phones).

    Watches and Apple TVs stand in the same list; asking for a model by name leaves them out.
    """
    public = data.get("PublicAssetSets")
    entries = public.get("iOS") if isinstance(public, dict) else None
    yield from (entry for entry in (entries if isinstance(entries, list) else ()) if isinstance(entry, dict))


def _release(entry: Mapping[str, Any]) -> Iterator[_Release]:
    devices = entry.get("SupportedDevices")
    names = devices[:_MAX_DEVICES] if isinstance(devices, list) else ()
    models = frozenset(name for name in names if isinstance(name, str))
    version = _version(entry.get("ProductVersion"))
    if models and version is not None:
        released = _date(entry.get("ReleaseDate")) or _date(entry.get("PostingDate"))
        yield _Release(version, models, released, _date(entry.get("ExpirationDate")))


def _version(value: object) -> Version | None:
    """``26.6.1``; anything else (a beta, a rapid security response) is not counted."""
    short = word(value, 20)
    if not short or not all(part.isdecimal() and part.isascii() for part in short.split(".")):
        return None
    try:
        return Version(short)
    except InvalidVersion:
        return None


def _date(value: object) -> datetime | None:
    """From ``2026-08-17`` or an RFC 3339 moment, taken as UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(word(value, 40))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
