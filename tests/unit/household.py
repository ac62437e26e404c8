"""Verdicts made by hand, for tests of how they are shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from backupwatch.judge.finding import Blamed, Certainty, Freshness, NotChecked, State
from backupwatch.judge.storage import Quota
from backupwatch.judge.verdict import WORST, AccountVerdict, DeviceVerdict, ServicesVerdict, Verdict
from backupwatch.view.nights import Night, Strip

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
GB = 1 << 30
BACKUP_OFF = Blamed(
    "icloud-backup-off",
    Certainty.CERTAIN,
    "iCloud Backup is switched off on this iPhone",
    ("iCloud Backup is off; the iPhone said so on Sun 22 Nov, 13:00",),
    ("On the iPhone open Settings > [your name] > iCloud > iCloud Backup", "Turn on Back Up This iPhone"),
    "https://support.apple.com/108366",
)


def device(
    name: str,
    state: State = State.FRESH,
    *,
    cloud: float | None = 0.5,
    local: float | None = None,
    causes: tuple[Blamed, ...] = (),
    evidence: tuple[str, ...] = (),
) -> DeviceVerdict:
    """A phone; ``cloud`` and ``local`` are the ages of its backups in days."""
    moments = [None if days is None else NOW - timedelta(days=days) for days in (cloud, local)]
    newest = max((moment for moment in moments if moment), default=None)
    return DeviceVerdict(
        udid=f"00008140-{abs(hash(name)) % 10**16:016d}",
        name=name,
        model="iPhone17,1",
        os_version="26.1",
        state=state,
        freshness=Freshness(state, newest, moments[0], moments[1], None, newest, NOW, evidence),
        age_seconds=int((NOW - newest).total_seconds()) if newest else None,
        connection="usb",
        seen_at=NOW - timedelta(minutes=12),
        unseen_too_long=False,
        causes=causes,
        not_checked=() if causes else (NotChecked("no-wifi", "the phone has only been seen over USB"),),
    )


def account(used: float = 4.6, full_at: datetime | None = None) -> AccountVerdict:
    """An account with 5 GB."""
    quota = Quota(5.0 * GB, used * GB, (5.0 - used) * GB, 1.2 * GB, NOW)
    return AccountVerdict("ok", "a•••@example.com", NOW - timedelta(hours=2), quota, full_at)


def verdict(*devices: DeviceVerdict, of: AccountVerdict | None = None) -> Verdict:
    """The whole, worst first."""
    ordered = tuple(sorted(devices, key=lambda each: WORST.index(each.state)))
    states = [each.state for each in ordered if each.state is not State.IGNORED]
    return Verdict(
        NOW,
        min(states, key=WORST.index) if states else State.UNKNOWN,
        ordered,
        of or AccountVerdict("not-configured", None, None, None, None),
        ServicesVerdict("ok", NOW),
    )


def nights(letters: str) -> Strip:
    """``..##xx``: not seen, backed up, missed."""
    kinds = {"#": Night.BACKED_UP, "x": Night.MISSED, ".": Night.NOT_SEEN}
    return Strip(date(2026, 10, 23), tuple(kinds[letter] for letter in letters))
