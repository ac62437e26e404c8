"""When the account may be looked at again: a pure function of what the last looks said."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from backupwatch.facts.observation import Blind, BlindReason

LONGEST: Final = timedelta(days=1)
"""However long it has failed, a day later it is tried again."""
FIRST: Final = timedelta(hours=1)
"""After the first failure. Apple publishes no safe rate; more often than hourly is known to annoy it."""
UNTIL_A_PERSON_ACTS: Final = frozenset({BlindReason.REFUSED, BlindReason.SIGN_IN, BlindReason.NOT_CONFIGURED})
"""Nothing about these changes by asking again."""
LOOK: Final = "icloud"
"""The look's name in its Blind; parts are called ``icloud:part``."""


def next_account_look(
    failures: Sequence[Blind], now: datetime, interval: timedelta, jitter_seed: str
) -> datetime | None:
    """The earliest moment for the next look at the account, or None: not before the person acts.

    :param failures: one Blind for each of the latest looks that failed, oldest first, back to the last look that
        saw everything; empty when the newest look was fine. A part that is not offered (``icloud:storage`` with
        web access off) slows nothing down; a part for which Apple asked us to wait does.
    :param now: aware UTC, the moment at which the newest look ended.
    :param interval: the configured ``polling.account_every``.
    :param jitter_seed: something that stays the same on this computer; the jitter is drawn from it, so that many
        watchers do not come back to Apple in the same second.
    """
    share = _fraction(f"{jitter_seed}:{len(failures)}:{now.isoformat()}")
    newest = failures[-1] if failures else None
    if newest is None or _harmless(newest):
        return now + interval * (0.95 + 0.1 * share)
    if newest.look == LOOK and newest.reason in UNTIL_A_PERSON_ACTS:
        return None
    in_a_row = len(list(itertools.takewhile(lambda blind: not _harmless(blind), reversed(failures))))
    first = max(FIRST, interval) if newest.reason is BlindReason.RATE_LIMITED else FIRST
    doubled: timedelta = first * (1 << min(in_a_row - 1, 10))
    wait = min(doubled, LONGEST) * (0.75 + 0.25 * share)
    if newest.retry_after is not None:
        wait = max(wait, timedelta(seconds=newest.retry_after) * (1 + 0.1 * share))
    return now + wait


def _harmless(blind: Blind) -> bool:
    """Only a part was blind, and nobody asked for patience."""
    return blind.look != LOOK and blind.retry_after is None and blind.reason is not BlindReason.RATE_LIMITED


def _fraction(seed: str) -> float:
    """A number in [0, 1) that looks random and is always the same for the same seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big") / 2**48
