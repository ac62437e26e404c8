"""A send → what the person reads: a title that says which phone and how long, a cause, a first step.

Every sentence stands whole in :data:`WORDS`, so that it can be translated; nothing is glued from pieces.
Names have passed :mod:`backupwatch.text` before they come here.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from backupwatch.alerts.message import DONE, SHOW_STEPS, SNOOZE_A_DAY, Message, Urgency
from backupwatch.alerts.policy import BAD, Mark, Send, Want
from backupwatch.clock import age_words
from backupwatch.judge.finding import Blamed, State
from backupwatch.judge.freshness import PAIRING_LAPSES
from backupwatch.judge.verdict import DeviceVerdict, Verdict
from backupwatch.text import clip, name, plain
from backupwatch.wording import settings_paths, words

WORDS: Final = words(
    "alert",
    {
        "title.one": "{name}: no backup for {age}",
        "title.never": "{name} has never been backed up",
        "title.many": "{count} devices: no backup for {age} or more",
        "title.many.never": "{count} devices are not being backed up",
        "title.reminder": "Reminder: {name}, no backup for {age}",
        "title.reminder.never": "Reminder: {name} has never been backed up",
        "title.reminder.many": "Reminder: {count} devices, no backup for {age} or more",
        "title.one.icloud": "{name}: no iCloud backup for {age}",
        "title.one.local": "{name}: no computer backup for {age}",
        "title.never.icloud": "{name} has never been backed up to iCloud",
        "title.never.local": "{name} has never been backed up to a computer",
        "title.reminder.icloud": "Reminder: {name}, no iCloud backup for {age}",
        "title.reminder.local": "Reminder: {name}, no computer backup for {age}",
        "title.reminder.never.icloud": "Reminder: {name} has never been backed up to iCloud",
        "title.reminder.never.local": "Reminder: {name} has never been backed up to a computer",
        "title.reminder.many.never": "Reminder: {count} devices are not being backed up",
        "title.recovered": "{name} is backed up again",
        "title.recovered.many": "{count} devices are backed up again",
        "title.unseen": "{name} has not been seen for {age}",
        "title.unseen.many": "{count} devices have not been seen for {age} or more",
        "title.unseen.reminder": "Reminder: {name} has not been seen for {age}",
        "title.unseen.reminder.many": "Reminder: {count} devices have not been seen for {age} or more",
        "title.unread": "{name}: whether it is backed up cannot be known",
        "title.unread.many": "{count} devices: whether they are backed up cannot be known",
        "title.unread.reminder": "Reminder: {name}, whether it is backed up cannot be known",
        "title.unread.reminder.many": "Reminder: {count} devices, whether they are backed up cannot be known",
        "title.warning": "{name}: backups are about to stop",
        "title.warning.many": "{count} devices: backups are about to stop",
        "title.deletion": "{name}: Apple may delete its iCloud backup in {days} days",
        "title.deletion.one": "{name}: Apple may delete its iCloud backup tomorrow",
        "title.deletion.now": "{name}: Apple may delete its iCloud backup any day now",
        "title.forecast": "iCloud storage will be full around {date}",
        "title.account.sign-in-needed": "Sign in to iCloud again",
        "title.account.locked": "Your Apple Account is locked",
        "title.account.terms": "Apple has new iCloud terms for you",
        "title.account.web-access-off": "iCloud storage cannot be watched",
        "title.watcher": "backupwatch cannot watch",
        "title.watcher.notice": "backupwatch goes on, but needs a look",
        "cause": "{summary}. {evidence}.",
        "cause.unknown": "The cause is not known yet: nothing that could be checked explains it.",
        "names": "{names}.",
        "step": "First step: {step}.",
        "cause.local": "You want backups made by a computer, and there is no recent one.",
        "step.local": (
            "First step: connect it to your computer, start a backup there and enter the passcode on the phone."
        ),
        "step.unknown": "First step: on the phone open {icloud_backup} and tap Back Up Now.",
        "days.left.one": "Apple may delete the old backup in {number} day.",
        "days.left.other": "Apple may delete the old backup in {number} days.",
        "days.left.none": "Apple may delete the old backup any day now.",
        "reminder": "First told on {first}; the next reminder comes on {next}.",
        "reminder.first": "First told on {first}.",
        "recovered": "Last backup: {when}.",
        "recovered.many": "{names}.",
        "unseen": (
            "Whether it is backed up cannot be judged. Bring it near this computer, on the same Wi-Fi, or connect it."
        ),
        "unseen.many": (
            "{names}. Whether they are backed up cannot be judged. Bring them near this computer or connect them."
        ),
        "unseen.hint": "Something on its iCloud account was backed up on {day}; whether it was this one is not known.",
        "unseen.lapses": "It forgets this computer on {day}, 30 days after they last met: connect it before that.",
        "unseen.lapsed": (
            "It has probably forgotten this computer, which happens after 30 days: connect it with a cable and run "
            "backupwatch pair."
        ),
        "deletion": (
            "The last iCloud backup known here is from {when}; Apple may delete a backup 180 days after the last one. "
            "Connect power and Wi-Fi and tap Back Up Now."
        ),
        "forecast": "Backups stop when it is full. Make room or get more: {icloud_storage}.",
        "account.sign-in-needed": "The iCloud storage cannot be read until you do. iPhones are still watched. Run: "
        "backupwatch login",
        "account.locked": "Unlock it at https://iforgot.apple.com, then run: backupwatch login",
        "account.terms": "Accept them on your iPhone or at https://www.icloud.com; then run: backupwatch login",
        "account.web-access-off": "Access to iCloud data on the web is switched off for this account. iPhones are "
        "still watched; only the storage forecast is missing.",
        "watcher": "{sentence} {fix}",
    },
)
"""Whole sentences with named places; the key says where they stand."""


LAPSE_IS_NEAR: Final = timedelta(days=16)
"""Since a phone was last met: the reminder after this one might come when the pairing has lapsed."""


def write(send: Send, verdict: Verdict, zone: tzinfo, now: datetime) -> Message:
    """The finished message; the same send on the same truth gives the same words."""
    want = send.wants[0]
    title, body = _words(send, verdict, zone, now)
    phone = want.device
    severe = any(BAD.get(w.device.state, 0) > 1 for w in send.wants if w.device) and send.mark is not Mark.RECOVERED
    urgency = Urgency.CRITICAL if severe or send.mark is Mark.DELETION else Urgency.NORMAL
    if send.mark in {Mark.RECOVERED, Mark.UNSEEN}:
        urgency = Urgency.LOW if send.mark is Mark.RECOVERED else Urgency.NORMAL
    about_backups = send.mark in {Mark.FIRST, Mark.WORSE, Mark.CAUSE, Mark.REMINDER, Mark.WARNING, Mark.DELETION}
    actions = (SHOW_STEPS, SNOOZE_A_DAY, DONE) if about_backups else (SHOW_STEPS,) if phone else ()
    return Message(
        id=send.id,
        title=clip(title, 100),
        body=body,
        urgency=urgency,
        actions=actions,
        thread=send.thread,
        udid=phone.udid if phone and len(send.wants) == 1 else None,
    )


def _words(send: Send, verdict: Verdict, zone: tzinfo, now: datetime) -> tuple[str, str]:
    want = send.wants[0]
    match send.mark:
        case Mark.FIRST | Mark.WORSE | Mark.CAUSE:
            return _backup_title(send, reminder=False), _backup_body(send, zone)
        case Mark.UNSEEN | Mark.REMINDER if want.state == State.UNKNOWN:
            return _unread(send)
        case Mark.REMINDER if want.state == State.UNSEEN:
            return _unseen(send, zone, now)
        case Mark.REMINDER:
            return _backup_title(send, reminder=True), _backup_body(send, zone)
        case Mark.RECOVERED:
            return _recovered(send, zone)
        case Mark.UNSEEN:
            return _unseen(send, zone, now)
        case Mark.WARNING:
            return _warning(send)
        case Mark.DELETION:
            return _deletion(want, zone)
        case Mark.FORECAST:
            full_at = verdict.account.forecast_full_at or now
            return WORDS.say("title.forecast", date=day(full_at, zone)), _forecast(verdict)
        case Mark.ACCOUNT:
            return WORDS.say(f"title.account.{want.state}"), WORDS.say(f"account.{want.state}")
        case Mark.WATCHER:
            problem = want.problem
            sentence, fix = (problem.sentence, problem.fix) if problem else ("", "")
            goes_on = problem is not None and problem.id.startswith(("account-", "config-", "memory-", "session-"))
            title = WORDS.say("title.watcher.notice" if goes_on else "title.watcher")
            return title, WORDS.say("watcher", sentence=sentence, fix=fix)


def _backup_title(send: Send, *, reminder: bool) -> str:
    devices = _devices(send)
    ages = [device.age_seconds for device in devices if device.age_seconds is not None]
    key = "title.reminder" if reminder else "title"
    if len(devices) > 1:
        if len(ages) < len(devices):
            return WORDS.say(f"{key}.many.never", count=len(devices))
        return WORDS.say(f"{key}.many", count=len(devices), age=age_words(timedelta(seconds=min(ages))))
    device = devices[0]
    kind = f".{device.missing}" if device.missing else ""
    if device.age_seconds is None:
        return WORDS.say(f"{key}.never{kind}", name=name(device.name))
    return WORDS.say(f"{key if reminder else 'title.one'}{kind}", name=name(device.name), age=_age(device))


def _backup_body(send: Send, zone: tzinfo) -> str:
    want = send.wants[0]
    lines = [WORDS.say("names", names=_names(send))] if len(send.wants) > 1 else []
    lines += _cause_lines(want.cause, want.device)
    left = min((d.deletion_in_days for d in _devices(send) if d.deletion_in_days is not None), default=None)
    if left is not None:
        lines.append(WORDS.count("days.left", left) if left > 0 else WORDS.say("days.left.none"))
    if send.mark is Mark.REMINDER and want.told_first:
        first = day(want.told_first, zone)
        if want.next_reminder:
            lines.append(WORDS.say("reminder", first=first, next=day(want.next_reminder, zone)))
        else:
            lines.append(WORDS.say("reminder.first", first=first))
    return "\n".join(lines)


def _cause_lines(cause: Blamed | None, device: DeviceVerdict | None = None) -> list[str]:
    if cause is None:
        if device is not None and device.missing == "local":
            return [WORDS.say("cause.local"), WORDS.say("step.local")]
        path = settings_paths.icloud_backup(settings_paths.person(device.name if device else ""))
        return [WORDS.say("cause.unknown"), WORDS.say("step.unknown", icloud_backup=path)]
    evidence = plain(cause.evidence[0], 200).rstrip(".") if cause.evidence else ""
    summary = plain(cause.summary, 160).rstrip(".")
    first = WORDS.say("cause", summary=summary, evidence=evidence) if evidence else f"{summary}."
    return [first, WORDS.say("step", step=plain(cause.fix[0], 240).rstrip("."))] if cause.fix else [first]


def _recovered(send: Send, zone: tzinfo) -> tuple[str, str]:
    devices = _devices(send)
    if len(devices) > 1:
        return WORDS.say("title.recovered.many", count=len(devices)), WORDS.say("recovered.many", names=_names(send))
    last = devices[0].freshness.last_backup
    body = WORDS.say("recovered", when=moment(last, zone)) if last else ""
    return WORDS.say("title.recovered", name=name(devices[0].name)), body


def _unseen(send: Send, zone: tzinfo, now: datetime) -> tuple[str, str]:
    devices = _devices(send)
    ages = [now - d.freshness.seen_at for d in devices if d.freshness.seen_at]
    age = age_words(min(ages)) if ages else "a long time"
    again = ".reminder" if send.mark is Mark.REMINDER else ""
    if len(devices) > 1:
        return WORDS.say(f"title.unseen{again}.many", count=len(devices), age=age), WORDS.say(
            "unseen.many", names=_names(send)
        )
    return WORDS.say(f"title.unseen{again}", name=name(devices[0].name), age=age), _unseen_body(devices[0], zone, now)


def _unseen_body(device: DeviceVerdict, zone: tzinfo, now: datetime) -> str:
    lines = [WORDS.say("unseen")]
    if device.others_backed_up_at is not None:
        lines.append(WORDS.say("unseen.hint", day=day(device.others_backed_up_at, zone)))
    if device.freshness.seen_at is not None and now - device.freshness.seen_at >= LAPSE_IS_NEAR:
        lapses = device.freshness.seen_at + PAIRING_LAPSES
        over = now >= lapses
        lines.append(WORDS.say("unseen.lapsed") if over else WORDS.say("unseen.lapses", day=day(lapses, zone)))
    return "\n".join(lines)


def _forecast(verdict: Verdict) -> str:
    """The place in Settings has the name that the newest phone's iOS gives it; whose account it is, is not known."""
    heads = [device.os_version.partition(".")[0] for device in verdict.devices]
    newest = max((int(head) for head in heads if head.isascii() and head.isdigit()), default=None)
    return WORDS.say("forecast", icloud_storage=settings_paths.icloud_storage(newest, settings_paths.YOUR_NAME))


def _unread(send: Send) -> tuple[str, str]:
    devices, cause = _devices(send), send.wants[0].cause
    again = ".reminder" if send.mark is Mark.REMINDER else ""
    lines = _cause_lines(cause) if cause else [WORDS.say("unseen")]
    if len(devices) > 1:
        lines = [WORDS.say("names", names=_names(send)), *lines]
        return WORDS.say(f"title.unread{again}.many", count=len(devices)), "\n".join(lines)
    return WORDS.say(f"title.unread{again}", name=name(devices[0].name)), "\n".join(lines)


def _warning(send: Send) -> tuple[str, str]:
    devices, cause = _devices(send), send.wants[0].cause
    if len(devices) > 1:
        body = [WORDS.say("names", names=_names(send)), *_cause_lines(cause)]
        return WORDS.say("title.warning.many", count=len(devices)), "\n".join(body)
    return WORDS.say("title.warning", name=name(devices[0].name)), "\n".join(_cause_lines(cause))


def _deletion(want: Want, zone: tzinfo) -> tuple[str, str]:
    device = want.device
    days = device.deletion_in_days or 0 if device else 0
    key = "title.deletion.now" if days <= 0 else "title.deletion.one" if days == 1 else "title.deletion"
    last = device.freshness.last_cloud if device else None
    title = WORDS.say(key, name=name(device.name if device else ""), days=days)
    return title, WORDS.say("deletion", when=day(last, zone) if last else "long ago")


def _devices(send: Send) -> list[DeviceVerdict]:
    return [want.device for want in send.wants if want.device is not None]


def _names(send: Send) -> str:
    names = [name(device.name, 24) for device in _devices(send)]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _age(device: DeviceVerdict) -> str:
    return age_words(timedelta(seconds=device.age_seconds or 0))


def day(at: datetime, zone: tzinfo) -> str:
    """``Tue 17 Nov``, in the person's time zone."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}"


def moment(at: datetime, zone: tzinfo) -> str:
    """``Tue 17 Nov, 02:11``, in the person's time zone."""
    return f"{day(at, zone)}, {at.astimezone(zone):%H:%M}"
