"""Why: runs every check on a case and ranks the answers. The only code that compares one cause with another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backupwatch.checks import MISSING, Check, load
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import words

WORDS = words(
    "diagnosis",
    {
        "broken": "this check failed by a mistake in the program",
        "not-icloud": "it is the computer backup that is missing, not the iCloud backup",
        "later": "something more definite explains it; worth trying only if that does not help",
    },
)

ABOUT_REACHING: Final = frozenset({"pairing-lost", "clock-wrong"})
"""Causes that also concern computer backups."""

DEEPER: Final = (("managed-policy", "icloud-backup-off"), ("restore-in-progress", "iphone-storage-full"))
"""Pairs of causes of which the first brings the second about; told in this order."""

_RANK: Final = {Certainty.CERTAIN: 0, Certainty.LIKELY: 1, Certainty.POSSIBLE: 2}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every cause exactly once.

    :ivar causes: most likely first.
    :ivar faults: ``id: exception type`` of checks that failed, for the log.
    """

    causes: tuple[Blamed, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    faults: tuple[str, ...] = ()


def diagnose(case: Case, checks: Iterable[Check] | None = None) -> Diagnosis:
    """Ask every check that applies to the phone's state.

    For a phone that is not missing a backup only what is blamed is told: there is nothing to rule out.
    """
    state = case.freshness.state
    faults: list[str] = []
    asked = load() if checks is None else checks
    answers = [_ask(check, case, faults) for check in asked if state in check.applies]
    blamed = [answer for answer in answers if isinstance(answer, Blamed)]
    if state not in MISSING:
        return Diagnosis(causes=rank(blamed), faults=tuple(faults))
    later = _later(blamed)
    return Diagnosis(
        causes=rank(answer for answer in blamed if answer.id not in later),
        ruled_out=tuple(answer for answer in answers if isinstance(answer, RuledOut)),
        not_checked=(
            *(answer for answer in answers if isinstance(answer, NotChecked)),
            *(NotChecked(ident, WORDS.say("later")) for ident in sorted(later)),
        ),
        faults=tuple(faults),
    )


def rank(blamed: Iterable[Blamed]) -> tuple[Blamed, ...]:
    """As a careful technician would: sure ones first, then what explains the whole gap, then the cheapest fix."""
    ordered = sorted(blamed, key=_key)
    for first, second in DEEPER:
        ids = [answer.id for answer in ordered]
        if first in ids and second in ids and ids.index(first) > ids.index(second):
            deeper = ordered[ids.index(first)]
            if deeper.certainty is not Certainty.POSSIBLE:
                ordered.remove(deeper)
                ordered.insert(ids.index(second), deeper)
    return tuple(ordered)


def _key(answer: Blamed) -> tuple[bool, int, float, int, str]:
    return (answer.last_resort, _RANK[answer.certainty], -round(answer.explains, 1), answer.effort, answer.id)


def _later(blamed: Iterable[Blamed]) -> frozenset[str]:
    """General remedies that wait: a certain cause explains most of the gap."""
    listed = tuple(blamed)
    definite = any(
        not answer.last_resort and answer.certainty is Certainty.CERTAIN and answer.explains >= 0.5 for answer in listed
    )
    return frozenset(answer.id for answer in listed if answer.last_resort) if definite else frozenset()


def _ask(check: Check, case: Case, faults: list[str]) -> Finding:
    """One answer; the border at which a mistake in one check stops, so that it never hides the other causes."""
    if check.id not in ABOUT_REACHING and not icloud_is_missing(case):
        return NotChecked(check.id, WORDS.say("not-icloud"))
    try:
        return check.check(case)
    except Exception as error:  # noqa: BLE001 - the round logs it; a check must never silence the others
        faults.append(f"{check.id}: {type(error).__name__}")
        return NotChecked(check.id, WORDS.say("broken"))


def icloud_is_missing(case: Case) -> bool:
    """Whether it is (also) the iCloud backup that is missing under the limits; only its causes are known."""
    if case.limits.counts == "local":
        return False
    if case.limits.counts != "both" or case.freshness.state not in MISSING:
        return True
    last, seen = case.freshness.last_cloud, case.freshness.seen_at
    return last is None or seen is None or seen - last > case.limits.stale_after
