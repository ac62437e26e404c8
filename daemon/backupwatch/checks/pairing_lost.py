"""The phone is attached but no longer trusts this computer, so its backups cannot be seen.

A pairing lapses 30 days after the phone last accepted it, and goes with Reset All Settings, Reset Network Settings
and Reset Location & Privacy (Apple Platform Security, ``lockdownd`` of iOS 26.1).
"""

from __future__ import annotations

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.judge import about
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.wording import values, words

ID = "pairing-lost"
SOURCE = "https://support.apple.com/109054"
APPLIES = MISSING | {State.UNKNOWN, State.UNSEEN}
WORDS = words(
    ID,
    {
        "summary": "The {thing} no longer trusts this computer",
        "lost": "It refused this computer's pairing on {moment}",
        "trusted": "It last accepted this computer on {moment}",
        "never": "the {thing} has never been paired with this computer; run backupwatch pair",
        "unseen": "the {thing} has not been reached, so its trust is not known",
        "fix.1": "Plug the {thing} into this computer and unlock it",
        "fix.2": "Run backupwatch pair, tap Trust on the {thing} and enter its passcode",
        "fix.3": "If it does not ask, choose Reset Location & Privacy under {reset} and plug it in again",
        "fix.4": "It worked when backupwatch check shows the date of its last backup",
    },
)


def check(case: Case) -> Finding:
    """The phone's newest word on trust."""
    places = about.places(case)
    trust = case.phone.text(kinds.TRUST)
    if trust is None or trust.value not in {"trusted", "never", "lost"}:
        return NotChecked(ID, WORDS.say("unseen", **places))
    if trust.value == "never":
        return NotChecked(ID, WORDS.say("never", **places))
    accepted = [span.last_at for span in case.phone.spans(kinds.TRUST) if span.value == "trusted"]
    said = [WORDS.say("trusted", moment=values.minute(max(accepted), case.zone))] if accepted else []
    if trust.value == "trusted":
        return RuledOut(ID, tuple(said))
    return Blamed(
        ID,
        Certainty.CERTAIN,
        WORDS.say("summary", **places),
        (WORDS.say("lost", moment=values.minute(trust.last_at, case.zone)), *said),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=about.share(case, about.since(case.phone, kinds.TRUST)),
        effort=4,
    )
