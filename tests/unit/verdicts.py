"""Verdicts for the tests of policy and wording, made from the few words that matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backupwatch.judge.finding import Blamed, Certainty, Freshness, State
from backupwatch.judge.verdict import AccountVerdict, DeviceVerdict, ServicesVerdict, Verdict

START = datetime(2026, 11, 10, 12, tzinfo=UTC)
LAST = datetime(2026, 11, 7, 2, 11, tzinfo=UTC)


def cause(ident: str, certainty: Certainty = Certainty.CERTAIN, *, last_resort: bool = False) -> Blamed:
    return Blamed(
        ident, certainty, f"Summary of {ident}", (f"evidence of {ident}",), (f"Do this about {ident}", "Then that"),
        "https://support.apple.com/108366", last_resort=last_resort,
    )  # fmt: skip


def device(
    state: State = State.STALE,
    *,
    udid: str = "A",
    now: datetime = START,
    causes: tuple[Blamed, ...] = (),
    last: datetime | None = LAST,
    deletion: int | None = None,
    seen: datetime | None = None,
) -> DeviceVerdict:
    gap = last if last is not None else LAST
    fresh = Freshness(state, last, last, None, None, gap, seen or now, ())
    return DeviceVerdict(
        udid=udid,
        name=f"Phone {udid}",
        model="iPhone17,1",
        os_version="26.1",
        state=state,
        freshness=fresh,
        age_seconds=int((now - last).total_seconds()) if last else None,
        connection="usb",
        seen_at=seen or now,
        unseen_too_long=state is State.UNSEEN,
        causes=causes,
        deletion_in_days=deletion,
    )


def verdict(
    *devices: DeviceVerdict,
    now: datetime = START,
    account: str = "not-configured",
    full_at: datetime | None = None,
    services: str = "ok",
) -> Verdict:
    return Verdict(
        now,
        devices[0].state if devices else State.UNKNOWN,
        devices,
        AccountVerdict(account, None, now, None, full_at),
        ServicesVerdict(services, now),
    )


DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
