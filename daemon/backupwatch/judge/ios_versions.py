"""Which iOS a phone has, and which is the newest for its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from packaging.version import InvalidVersion, Version

from backupwatch import text
from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import as_moment
from backupwatch.judge.finding import Case


@dataclass(frozen=True, slots=True)
class Releases:
    """The newest iOS for one model; ``own_major`` is the newest of the line that the phone has, where told."""

    newest: Version
    released_at: datetime | None
    own_major: Version | None


def installed(case: Case) -> Version | None:
    """The phone's version, or None where it is not known or is no version."""
    found = case.phone.text(kinds.OS_VERSION)
    return parse(found.value) if found else None


def releases(case: Case) -> Releases | None:
    """What is out for this phone's model, or None where the list does not tell."""
    listed, model = case.snapshot.releases.table(kinds.IOS_RELEASES), case.phone.text(kinds.MODEL)
    row = listed.value.get(model.value) if listed is not None and model is not None else None
    newest = parse(row.get("version")) if isinstance(row, Mapping) else None
    if newest is None or not isinstance(row, Mapping):
        return None
    released_at = as_moment(row.get("released_at"))
    if released_at is not None and released_at > case.now:
        released_at = None
    lines, have = row.get("own_major"), installed(case)
    own = lines.get(str(have.major)) if isinstance(lines, Mapping) and have is not None else None
    return Releases(newest, released_at, parse(own))


def is_outdated(case: Case) -> bool:
    """Whether a newer iOS is known to be out for this phone."""
    have, out = installed(case), releases(case)
    return have is not None and out is not None and have < out.newest


def parse(value: Json) -> Version | None:
    """A version from foreign text, or None."""
    try:
        return Version(text.plain(value, 20)) if isinstance(value, str) else None
    except InvalidVersion:
        return None
