"""The phone is not on Wi-Fi, or on one without internet, when it should back up.

A sleeping phone takes itself off the network's list, so a phone that was not found on Wi-Fi proves nothing; only
its own word does (its diagnostics, its log, error 308), night by night.
"""

from __future__ import annotations

from typing import Final

from backupwatch.facts import kinds
from backupwatch.judge import about, nights, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.judge.nights import Night
from backupwatch.wording import values, words

ID = "no-wifi"
SOURCE = "https://support.apple.com/108366"
NO_INTERNET: Final = frozenset({308})
WIFI_LOST: Final = frozenset({220})
CELLULAR_LOST: Final = frozenset({221, 224})
"""A backup over cellular, which is made where there is no Wi-Fi: the network went, or the carrier forbade it."""
WORDS = words(
    ID,
    {
        "summary": "The {thing} is not on Wi-Fi at night",
        "summary-internet": "The Wi-Fi that the {thing} uses at night has no internet",
        "on.one": "On Wi-Fi on {met} of the {number} night that is known since the last backup",
        "on.other": "On Wi-Fi on {met} of the last {number} nights that are known",
        "said.one": "The {thing} reported on {moment} that it was not on Wi-Fi at night",
        "said.other": "The {thing} reported {number} times, last on {moment}, that it was not on Wi-Fi at night",
        "internet.one": "A backup failed on {moment} because there was no internet (error {code})",
        "internet.other": "{number} backups failed, last on {moment}, because there was no internet (error {code})",
        "lost.one": "A backup was broken off on {moment} because Wi-Fi went away (code {code})",
        "lost.other": "{number} backups were broken off, last on {moment}, because Wi-Fi went away (code {code})",
        "cellular.one": "A backup over cellular was broken off on {moment} because cellular went away (code {code})",
        "cellular.other": (
            "{number} backups over cellular were broken off, last on {moment}, because cellular went away (code {code})"
        ),
        "few.one": "on Wi-Fi on {met} of the {number} night that is known, which is too little to judge by",
        "few.other": "on Wi-Fi on {met} of the {number} nights that are known, which is too little to judge by",
        "no-night": "no whole night has passed since a backup was due",
        "usb-only": "the {thing} has only been seen over USB",
        "unknown.one": "whether it was on Wi-Fi is not known for the night since the last backup",
        "unknown.other": "whether it was on Wi-Fi is not known for any of the {number} nights since the last backup",
        "fix.1": "On the {thing} open {wifi}, turn Wi-Fi on and join your network",
        "fix.2": "If it asks you to sign in, do so; if it is weak or does not work, restart the router",
        "fix.3": "Tonight leave the {thing} locked, charging and within reach of that Wi-Fi",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """The phone's error codes first, then its nights."""
    places = about.places(case)
    missed = nights.missed(case)
    wifi = nights.tally(night.wifi for night in missed)
    on = WORDS.count("on", wifi.known, met=wifi.met) if wifi.known else ""
    for codes, key, kind in (
        (NO_INTERNET, "internet", "-internet"),
        (WIFI_LOST, "lost", ""),
        (CELLULAR_LOST, "cellular", ""),
    ):
        failed = phone_log.failure(case, codes)
        if failed is not None and (failed.code in NO_INTERNET or failed.times > 1 or wifi.met == 0):
            moment = values.minute(failed.last_at, case.zone)
            line = WORDS.count(key, failed.times, moment=moment, code=failed.code)
            return _blamed(case, failed.certainty, tuple(filter(None, (line, on))), failed.share, kind=kind)
    sure = nights.blame(wifi)
    if sure is not None:
        own = _said(case, missed)
        return _blamed(case, Certainty.CERTAIN if own and sure is Certainty.LIKELY else sure, (on, *own), wifi.share)
    if nights.clears(wifi):
        return RuledOut(ID, (on,))
    if wifi.known:
        return NotChecked(ID, WORDS.count("few", wifi.known, met=wifi.met))
    if not missed:
        return NotChecked(ID, WORDS.say("no-night"))
    reached = case.phone.spans(kinds.CONNECTION)
    if reached and all(span.value == "usb" for span in reached):
        return NotChecked(ID, WORDS.say("usb-only", **places))
    return NotChecked(ID, WORDS.count("unknown", len(missed)))


def _said(case: Case, missed: tuple[Night, ...]) -> tuple[str, ...]:
    at = nights.reported_off(case.phone, "onWiFi", missed)
    if not at:
        return ()
    return (WORDS.count("said", len(at), moment=values.minute(max(at), case.zone), **about.places(case)),)


def _blamed(case: Case, sure: Certainty, evidence: tuple[str, ...], explains: float, *, kind: str = "") -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(f"summary{kind}", **places),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=3,
    )
