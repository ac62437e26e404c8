"""What each source is asked: pure, from the configuration and what is already known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, RELEASES, STATUS, Subject
from backupwatch.judge.finding import State
from backupwatch.settings.values import Config
from backupwatch.sources.look import Request

if TYPE_CHECKING:
    from backupwatch.facts.snapshot import Snapshot
    from backupwatch.judge.verdict import Verdict

ALL_SOURCES: Final = ("iphone", "icloud", "apple-status", "ios-releases", "local-backups")

RELEASES_EVERY: Final = timedelta(hours=23)
"""The feed asks its readers to come once a day."""


TROUBLED: Final = frozenset({State.STALE, State.OVERDUE, State.NEVER})
"""A phone in such a state has its log listened to."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long looks may take, in seconds.

    :ivar phone: one phone, from the moment at which its turn comes.
    :ivar concurrency: phones read side by side.
    :ivar log: listening to the log of a phone that is not fresh.
    :ivar night_log: the same while it lies on its cable at night, when iOS decides about the backup.
    :ivar page: a public page, the account or the folders of local backups, as a whole.
    """

    phone: float = 20.0
    concurrency: int = 8
    log: float = 4.0
    night_log: float = 45.0
    page: float = 90.0
    browse: float = 3.0


@dataclass(frozen=True, slots=True)
class Question:
    """One look to make: the source, its request, the deadline in seconds, and what a failure is about."""

    source: str
    request: Request
    deadline: float
    subject: Subject


def environment(config: Config) -> dict[str, str]:
    """The environment of a worker; the library saves pair records only to the address named there."""
    return {"USBMUXD_SOCKET_ADDRESS": config.advanced.usbmuxd} if config.advanced.usbmuxd else {}


def question(
    source: str,
    config: Config,
    snapshot: Snapshot,
    verdict: Verdict | None,
    state: Path,
    now: datetime,
    patience: Patience,
    *,
    at_night: bool = False,
    only: tuple[str, ...] = (),
) -> Question | None:
    """What to ask ``source`` now, or None when there is nothing to ask it.

    :param verdict: of the last round: phones that are not fresh have their log listened to.
    :param at_night: whether it is night where the person is.
    :param only: UDIDs to look at; empty for all.
    """
    match source:
        case "iphone":
            return _iphone(config, snapshot, verdict, state, now, patience, at_night=at_night, only=only)
        case "icloud":
            if not config.account.apple_id:
                return None
            return Question(source, Request(now, state, _icloud(config, snapshot)), patience.page, ACCOUNT)
        case "apple-status":
            wait = config.polling.services_every.total_seconds() * 0.9
            args = {"url": config.advanced.system_status, "min_age_s": wait}
            return Question(source, Request(now, state, args), patience.page, STATUS)
        case "ios-releases":
            models = sorted({m.value for view in snapshot.phones.values() if (m := view.text(kinds.MODEL))})
            args = {
                "url": config.advanced.ios_releases,
                "models": models,
                "min_age_s": RELEASES_EVERY.total_seconds() * 0.9,  # looks are spread by a few per cent
            }
            return Question(source, Request(now, state, args), patience.page, RELEASES) if models else None
        case "local-backups":
            folders = [str(folder) for folder in config.local_backups.folders]
            return Question(source, Request(now, state, {"folders": folders}), patience.page, HOST)
    raise ValueError(f"no such source: {source}")


def _iphone(
    config: Config,
    snapshot: Snapshot,
    verdict: Verdict | None,
    state: Path,
    now: datetime,
    patience: Patience,
    *,
    at_night: bool,
    only: tuple[str, ...],
) -> Question:
    listen: dict[str, float] = {}
    for device in verdict.devices if verdict else ():
        if device.state in TROUBLED:
            long = at_night and device.connection == "usb"
            listen[device.udid] = patience.night_log if long else patience.log
    args: Mapping[str, Any] = {
        "only": list(only) or None,
        "phone_deadline_s": patience.phone,
        "concurrency": patience.concurrency,
        "wifi": config.polling.wifi,
        "wifi_browse_s": patience.browse,
        "known": [udid for udid, view in snapshot.phones.items() if view.spans(kinds.LAST_CLOUD_BACKUP)],
        "skip": [device.udid for device in config.devices if device.ignore],
        "listen_log_s": listen,
    }
    turns = 1 + max(len(snapshot.phones), 8) // patience.concurrency
    longest = patience.phone + max(listen.values(), default=0.0)
    deadline = patience.browse + longest * turns + 30
    return Question("iphone", Request(now, state, args), deadline, HOST)


def _icloud(config: Config, snapshot: Snapshot) -> dict[str, Any]:
    phones = [
        {"udid": udid, "name": name.value if name else "", "model": model.value if model else ""}
        for udid, view in snapshot.phones.items()
        for name, model in [(view.text(kinds.NAME), view.text(kinds.MODEL))]
    ]
    return {
        "apple_id": config.account.apple_id,
        "china_mainland": config.account.china_mainland,
        "base_url": config.advanced.icloud,
        "phones": phones,
        "find_my": True,
    }
