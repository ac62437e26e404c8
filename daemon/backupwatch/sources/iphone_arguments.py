"""What the iPhone source is asked for, read from a request's plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_LISTENING: Final = 3_600.0
"""Seconds for which a log is listened to at most in one look."""


def bare(udid: str) -> str:
    """A spelling of a UDID to compare by: usbmuxd may drop the dash, people change the case."""
    return udid.replace("-", "").lower()


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one look.

    :ivar only: look at these phones alone (UDIDs in :func:`bare` spelling); None for all.
    :ivar skip: phones that are not to be touched at all.
    :ivar known: UDIDs of phones paired with this computer; they are searched for on the local network.
    :ivar phone_deadline_s: seconds for one phone, from the moment at which its turn comes.
    :ivar concurrency: phones that are read side by side.
    :ivar wifi: search the local network by Bonjour; without it no such packet is sent.
    :ivar wifi_browse_s: seconds of that search.
    :ivar bonjour_interfaces: names of the network interfaces to search on; None for all but loopback.
    :ivar listen_log_s: seconds to listen to a phone's log, by UDID in :func:`bare` spelling.
    """

    only: frozenset[str] | None = None
    skip: frozenset[str] = frozenset()
    known: tuple[str, ...] = ()
    phone_deadline_s: float = 20.0
    concurrency: int = 8
    wifi: bool = False
    wifi_browse_s: float = 3.0
    bonjour_interfaces: tuple[str, ...] | None = None
    listen_log_s: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def read(args: Mapping[str, Any]) -> Arguments:
        """Read a request's arguments; ours, so a wrong one is a programming error and raises as it likes."""
        only, interfaces = args.get("only"), args.get("bonjour_interfaces")
        return Arguments(
            only=None if only is None else frozenset(map(bare, only)),
            skip=frozenset(map(bare, args.get("skip") or ())),
            known=tuple(args.get("known") or ()),
            phone_deadline_s=float(args.get("phone_deadline_s", 20.0)),
            concurrency=max(1, int(args.get("concurrency", 8))),
            wifi=bool(args.get("wifi", False)),
            wifi_browse_s=float(args.get("wifi_browse_s", 3.0)),
            bonjour_interfaces=None if interfaces is None else tuple(interfaces),
            listen_log_s={
                bare(udid): min(float(seconds), MAX_LISTENING)
                for udid, seconds in (args.get("listen_log_s") or {}).items()
            },
        )

    def wants(self, udid: str) -> bool:
        """Whether this phone is to be looked at."""
        spelling = bare(udid)
        return spelling not in self.skip and (self.only is None or spelling in self.only)

    def listen_seconds(self, udid: str) -> float:
        """How long to listen to this phone's log; 0 for not at all."""
        return self.listen_log_s.get(bare(udid), 0.0)
