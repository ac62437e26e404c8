"""One look: what a source is asked, and the table of sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from backupwatch.clock import parse_rfc3339
from backupwatch.facts.observation import Fact

SOURCES: Final = {
    "iphone": "backupwatch.sources.iphone",
    "icloud": "backupwatch.sources.icloud",
    "apple-status": "backupwatch.sources.apple_status",
    "ios-releases": "backupwatch.sources.ios_releases",
    "local-backups": "backupwatch.sources.local_backups",
}
"""Source name to the module that has ``look(request)``; imported only inside a worker."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a worker gets on its standard input, one JSON line per look.

    :ivar now: the moment at which the look counts as made (aware UTC); every fact carries it.
    :ivar state: the state folder, for a saved session or a cached page.
    :ivar args: the source's own arguments, plain JSON; each source documents its own.
    """

    now: datetime
    state: Path
    args: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"now": self.now.isoformat(), "state": str(self.state), "args": dict(self.args)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Request:
        """The inverse of :meth:`to_json`.

        :raises ValueError: not a request.
        """
        try:
            return Request(parse_rfc3339(data["now"]), Path(data["state"]), dict(data["args"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a request: {error}") from error


class Source(Protocol):
    """What every module in :data:`SOURCES` offers."""

    def look(self, request: Request) -> AsyncIterator[Fact]:
        """Yield facts as they become known; trouble that is understood is yielded as Blind, not raised."""
        ...
