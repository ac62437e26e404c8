"""The doctor's lines about usbmuxd and the phones: pure, from what the workers saw and what is remembered."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from backupwatch import text
from backupwatch.clock import age_words
from backupwatch.doctor import Level, Result, Situation
from backupwatch.facts import kinds
from backupwatch.facts.observation import HOST, Blind, BlindReason, Json, Observation, SubjectKind
from backupwatch.judge.freshness import PAIRING_LAPSES
from backupwatch.judge.watcher import rests, usbmuxd_fix
from backupwatch.settings.values import Config
from backupwatch.sources.arrivals import DEFAULT_ADDRESS

SOURCE: Final = "iphone"
"""The look that meets the phone itself."""

PAIRING_WARNING: Final = timedelta(days=21)
"""Early enough that a person who is away for a week can still act."""

CABLE: Final = "Connect it with a cable, unlock it and run: backupwatch pair"


def usbmuxd(situation: Situation) -> list[Result]:
    """Is the service that talks to phones there, and may we talk to it?"""
    seen = [fact for fact in situation.facts if fact.subject == HOST]
    if any(isinstance(fact, Observation) and fact.kind == kinds.USBMUXD for fact in seen):
        return [Result("usbmuxd", Level.OK, "usbmuxd runs and answers")]
    blind = next((fact for fact in seen if isinstance(fact, Blind) and fact.look == "iphone"), None)
    if blind is None:
        return [Result("usbmuxd", Level.WARNING, "usbmuxd: could not be checked", "Run: backupwatch doctor")]
    if situation.snapshot is not None and rests(situation.snapshot.host, blind, situation.platform):
        return [Result("usbmuxd", Level.OK, "usbmuxd rests, as it does on Linux while no phone is connected by cable")]
    fix = usbmuxd_cure(blind.reason, situation.platform, usbmuxd_socket(situation.config, situation.environ))
    return [Result("usbmuxd", Level.BROKEN, blind.sentence, fix)]


def usbmuxd_cure(reason: BlindReason, platform: str, socket: Path) -> str:
    """What mends the way to usbmuxd, or leads on where the trouble is not usbmuxd's.

    :param platform: ``sys.platform``.
    :param socket: see :func:`usbmuxd_socket`.
    """
    if reason is BlindReason.PERMISSION:
        return permission_fix(socket)
    if reason is BlindReason.USBMUXD_BROKEN and platform.startswith("linux"):
        return "Run: sudo systemctl restart usbmuxd"
    if reason in {BlindReason.NO_USBMUXD, BlindReason.USBMUXD_BROKEN}:
        return usbmuxd_fix(platform)
    return "Run the command again, with --verbose if it stays so"


def usbmuxd_socket(config: Config, environ: Mapping[str, str]) -> Path:
    """Where usbmuxd is asked, as the configuration, the environment or usbmuxd itself has it."""
    named = config.advanced.usbmuxd or environ.get("USBMUXD_SOCKET_ADDRESS", "")
    return Path(named.removeprefix("UNIX:") or DEFAULT_ADDRESS)


def permission_fix(socket: Path) -> str:
    """Which group opens usbmuxd's socket to this person."""
    try:
        found = socket.stat()
        group = grp.getgrgid(found.st_gid).gr_name
    except (OSError, KeyError):
        return f"Make {socket} readable and writable for you"
    if found.st_mode & stat.S_IWGRP and found.st_gid not in {0, *os.getgroups()}:
        return f"Run: sudo usermod -aG {text.plain(group, 32)} $USER, then log out and in again"
    return f"Run: sudo chmod 666 {socket} (usbmuxd itself opens it to everybody; another program closed it)"


def phones(situation: Situation) -> list[Result]:
    """Which phones are here, do they trust this computer, and can their records be read?"""
    here = _udids(situation)
    if not here and not _remembered(situation):
        return [Result("phones", Level.BROKEN, "No iPhone has been paired with this computer yet", CABLE)]
    results = [_phone(situation, udid) for udid in here]
    if not here:
        fix = "Connect one, or wait until it is awake on the same Wi-Fi"
        results.append(Result("phones", Level.WARNING, "No phone can be reached right now", fix))
    return results


def _phone(situation: Situation, udid: str) -> Result:
    called, ident = _name(situation, udid), f"phone:{udid}"
    trust = _value(situation, udid, kinds.TRUST)
    if trust == "never":
        # A guest that charges here beside a phone that is watched is no fault.
        alone = not any(_value(situation, other, kinds.TRUST) == "trusted" for other in _udids(situation))
        level = Level.BROKEN if alone and not _remembered(situation) else Level.WARNING
        return Result(ident, level, f"{called} is connected, but not paired with this computer", CABLE)
    if trust == "lost":
        return Result(ident, Level.BROKEN, f"{called} no longer trusts this computer", CABLE)
    blind = next(
        (f for f in situation.facts if isinstance(f, Blind) and f.subject.id == udid and f.look == "iphone"), None
    )
    if blind is not None and blind.reason is BlindReason.LOCKED:
        return Result(ident, Level.WARNING, f"{called} was not unlocked since it started", "Unlock it once")
    if blind is not None and blind.reason is BlindReason.UNTRUSTED:
        return Result(ident, Level.BROKEN, f"{called}: {_small(blind.sentence)}", CABLE)
    if blind is not None:
        return Result(
            ident, Level.WARNING, f"{called}: {_small(blind.sentence)}", "Connect it again and run: backupwatch doctor"
        )
    way = {"usb": " (by cable)", "wifi": " (over Wi-Fi)"}.get(str(_value(situation, udid, kinds.CONNECTION)), "")
    return Result(ident, Level.OK, f"{called} is paired and its backup settings can be read{way}")


def wifi_access(situation: Situation) -> list[Result]:
    """May each phone be looked at without its cable?"""
    results = []
    for udid in _udids(situation):
        access, called = _value(situation, udid, kinds.WIFI_ACCESS), _name(situation, udid)
        if access is True:
            results.append(Result(f"wifi-access:{udid}", Level.OK, f"{called} may be looked at over Wi-Fi"))
        elif access is False:
            sentence = f"{called} is seen by cable only: Wi-Fi access is off"
            fix = "Connect it with a cable and run: backupwatch pair"
            results.append(Result(f"wifi-access:{udid}", Level.WARNING, sentence, fix))
    return results


def network(situation: Situation) -> list[Result]:
    """Are phones heard on the local network?"""
    if not situation.config.polling.wifi:
        return [Result("network", Level.OK, "The local network is not searched (polling.wifi is false)")]
    blind = next((f for f in situation.facts if isinstance(f, Blind) and f.look == "iphone:wifi-browse"), None)
    if blind is not None:
        fix = (
            "System Settings > Privacy & Security > Local Network: allow Python or your terminal"
            if situation.platform == "darwin"
            else "Check the network connection, and that the firewall lets mDNS (UDP port 5353) through"
        )
        return [Result("network", Level.WARNING, blind.sentence, fix)]
    ways = [_value(situation, udid, kinds.CONNECTION) for udid in _udids(situation)]
    if "wifi" in ways:
        count = ways.count("wifi")
        return [Result("network", Level.OK, f"{count} phone{'s' if count > 1 else ''} heard on the local network")]
    if ways:
        return [Result("network", Level.OK, "Every phone that is here was read by cable")]
    sentence = "No phone was heard on the local network; a sleeping one is silent, so this may be normal"
    return [
        Result("network", Level.WARNING, sentence, "Wake the phone, on the same Wi-Fi as this computer, and run again")
    ]


def pairing_age(situation: Situation) -> list[Result]:
    """Is a pairing about to lapse because the phone and this computer have not met for long?"""
    results = []
    met = {udid for udid in _udids(situation) if _value(situation, udid, kinds.TRUST) == "trusted"}
    for udid, seen in _remembered(situation).items():
        if udid in met:
            continue
        age, called = situation.now - seen, _name(situation, udid)
        if age >= PAIRING_LAPSES:
            sentence = f"{called} was last met {age_words(age)} ago; the pairing has probably lapsed"
            results.append(Result(f"pairing-age:{udid}", Level.BROKEN, sentence, CABLE))
        elif age >= PAIRING_WARNING:
            left = age_words(PAIRING_LAPSES - age)
            sentence = f"{called} was last met {age_words(age)} ago; the pairing lapses in {left}"
            results.append(Result(f"pairing-age:{udid}", Level.WARNING, sentence, "Connect it once and unlock it"))
        else:
            sentence = f"{called} is not here now and was met {age_words(age)} ago"
            results.append(Result(f"pairing-age:{udid}", Level.OK, sentence))
    return results


# -- reading the situation ----------------------------------------------------------------------------------------


def _udids(situation: Situation) -> list[str]:
    """Phones that were met now, ignored ones left out; what the account says of a phone is no meeting."""
    found = {
        fact.subject.id: None
        for fact in situation.facts
        if fact.subject.kind is SubjectKind.PHONE
        and (fact.source if isinstance(fact, Observation) else fact.look).partition(":")[0] == SOURCE
    }
    devices = (situation.config.device(udid) for udid in found)
    return [udid for udid, device in zip(found, devices, strict=True) if device is None or not device.ignore]


def _remembered(situation: Situation) -> dict[str, datetime]:
    """UDID of every phone that once trusted this computer, and when trust was last seen; ignored ones left out."""
    if situation.snapshot is None:
        return {}
    found = {}
    for udid, view in situation.snapshot.phones.items():
        device = situation.config.device(udid)
        trusted = [span.last_at for span in view.spans(kinds.TRUST) if span.value == "trusted"]
        if trusted and (device is None or not device.ignore):
            found[udid] = max(trusted)
    return found


def _value(situation: Situation, udid: str, kind: str) -> Json:
    """What was seen now."""
    return next((fact.value for fact in _about(situation, udid) if fact.kind == kind), None)


def _about(situation: Situation, udid: str) -> Iterable[Observation]:
    return (fact for fact in situation.facts if isinstance(fact, Observation) and fact.subject.id == udid)


def _name(situation: Situation, udid: str) -> str:
    """What the person calls the phone, safe for a sentence."""
    if (device := situation.config.device(udid)) is not None and device.name:
        return text.name(device.name)
    own = _value(situation, udid, kinds.NAME)
    if own is None and situation.snapshot is not None and (view := situation.snapshot.phones.get(udid)) is not None:
        own = reading.value if (reading := view.text(kinds.NAME)) else None
    return text.name(own or "")


def _small(sentence: str) -> str:
    """A sentence that goes on after a colon."""
    return sentence[:1].lower() + sentence[1:]
