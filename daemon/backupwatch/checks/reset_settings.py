"""Last resort after the others were tried. It costs Wi-Fi passwords, layout and every pairing, ours included."""

from __future__ import annotations

from backupwatch.judge import about, tried
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked
from backupwatch.wording import values, words

ID = "reset-settings"
SOURCE = "https://support.apple.com/guide/iphone/iphea1c2fe48"
WORDS = words(
    ID,
    {
        "summary": "Resetting all settings is the last thing left to try",
        "tried": "Restarting on {restarted} and signing in again on {signed_in} did not help",
        "later": "the last resort: only after a restart, an update and signing in again have not helped",
        "fix.1": "Make a backup to a computer first; no data is lost, but Wi-Fi passwords and all settings are",
        "fix.2": "On the {thing} open {reset} and choose Reset All Settings",
        "fix.3": "Join your Wi-Fi again, check that iCloud Backup is on, and leave it charging and locked tonight",
        "fix.4": "Plug it into this computer and run backupwatch pair, because the reset also ends the pairing",
        "fix.5": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Only when every cheaper remedy is seen to have failed."""
    restarted, signed_in = tried.restarted_at(case), tried.signed_in_at(case)
    if restarted is None or signed_in is None or not tried.restart_failed(case) or not tried.sign_in_failed(case):
        return NotChecked(ID, WORDS.say("later"))
    if tried.update_is_open(case):
        return NotChecked(ID, WORDS.say("later"))
    places = about.places(case)
    days = {"restarted": values.day(restarted, case.zone), "signed_in": values.day(signed_in, case.zone)}
    return Blamed(
        ID,
        Certainty.POSSIBLE,
        WORDS.say("summary"),
        (WORDS.say("tried", **days),),
        WORDS.steps("fix", **places),
        SOURCE,
        effort=90,
        last_resort=True,
    )
