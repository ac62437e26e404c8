"""Alerts in words: why each was sent, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from backupwatch.lookback import AlertPast, Lookback

MARKS: Final = {
    "first": "told", "worse": "told, it got worse", "cause": "told, another cause", "reminder": "reminded",
    "recovered": "told, all is well again", "unseen": "told, not seen for long", "warning": "warned",
    "deletion": "warned of deletion", "forecast": "warned, storage fills up", "account": "told, the account",
    "watcher": "told, the watcher",
}  # fmt: skip
BECAME: Final = {
    "pending": "Not shown yet.",
    "withdrawn": "Taken back before it was shown, because it was no longer true.",
    "failed": "Could not be shown.",
}


def became(alert: AlertPast, back: Lookback) -> Iterable[str]:
    """Whether an alert was seen, and the next backup of each phone it spoke of."""
    if alert.entry.state in BECAME:
        yield BECAME[alert.entry.state]
    names = {each.udid: each.name for each in back.phones}
    told = {udid: outcome.sentence for udid, outcome in alert.outcomes.items()}
    if len(set(told.values())) == 1:
        yield f"{next(iter(told.values()))}."
    else:
        for udid, sentence in told.items():
            yield f"{names.get(udid, udid)}: {sentence}."
