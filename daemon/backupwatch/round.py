"""One pass from looking to speaking, in order: the only module that sees every room.

look → remember → judge → decide → write both down → speak → note what was proved.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from pathlib import Path
from typing import Final

import structlog

from backupwatch import asking
from backupwatch.alerts import memory, policy, wording
from backupwatch.alerts.message import Message
from backupwatch.delivery.channel import Channel, Outcome, Receipt
from backupwatch.facts.observation import Blind, BlindReason, Fact, Observation
from backupwatch.facts.snapshot import Snapshot
from backupwatch.judge.verdict import Verdict
from backupwatch.judge.watcher import Problem, SourceHealth, watch
from backupwatch.judging import verdict_of
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker
from backupwatch.store import Entry, Store

log = structlog.stdlib.get_logger(__name__)

DEATHS: Final = frozenset({BlindReason.TIMEOUT, BlindReason.CRASHED})
"""Of a look as a whole: its worker was killed at the deadline or died."""
FEW: Final = 2
"""Messages that may fail in one pass: a notification server that never answers costs ten seconds for each."""


@dataclass
class Watch:
    """What a round works with; ``config`` and ``channels`` are replaced when the configuration changes.

    :ivar zone: answers the person's time zone now; it may change while the program runs.
    :ivar extra: problems that no source knows of (a broken configuration), told like any other.
    """

    config: Config
    store: Store
    looker: Looker
    state: Path
    zone: Callable[[], tzinfo]
    channels: Sequence[Channel] = ()
    patience: asking.Patience = asking.Patience()
    extra: tuple[Problem, ...] = ()
    last: Verdict | None = field(default=None)


async def look(
    watch: Watch,
    sources: Iterable[str],
    now: datetime,
    *,
    only: tuple[str, ...] = (),
    listen: bool = True,
    on_fact: Callable[[Fact], None] | None = None,
) -> dict[str, list[Fact]]:
    """Look through the named sources side by side and remember what was seen; a source with nothing to ask is left out.

    :param listen: ask a phone that has just turned stale again, for its log.
    :raises BackupwatchError: something could not be remembered; the other looks are finished all the same.
    """
    snapshot, before = watch.store.snapshot(now), _troubled(watch.last)
    watch.looker.environment = asking.environment(watch.config)
    night = _is_night(now.astimezone(watch.zone()).time())
    questions = [
        question
        for source in sources
        if (
            question := asking.question(
                source, watch.config, snapshot, watch.last, watch.state, now, watch.patience, at_night=night, only=only
            )
        )
    ]

    async def ask(question: asking.Question) -> list[Fact]:
        facts = await watch.looker.look(
            question.source, question.request, question.deadline, subject=question.subject, on_fact=on_fact
        )
        watch.store.append(facts)
        saw = any(isinstance(fact, Observation) for fact in facts)
        died = any(isinstance(fact, Blind) and fact.look == question.source and fact.reason in DEATHS for fact in facts)
        watch.store.looked(question.source, now, saw=saw, deaths=int(died))
        log.info("looked", source=question.source, facts=len(facts), saw=saw)
        return facts

    answers = await asyncio.gather(*(ask(question) for question in questions), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    found = {
        question.source: answer
        for question, answer in zip(questions, answers, strict=True)
        if not isinstance(answer, BaseException)
    }
    if "iphone" in found and listen and not only:
        found["iphone"] = found["iphone"] + await _listen_to_news(watch, now, before, on_fact)
    return found


async def _listen_to_news(
    watch: Watch, now: datetime, before: set[str], on_fact: Callable[[Fact], None] | None
) -> list[Fact]:
    """A phone that has just turned stale is asked again at once, now with an ear for its log.

    Its own word about why the backup did not run is the best evidence there is, and the first alert should have it.
    """
    news = tuple(sorted(_troubled(judged(watch, now)[1]) - before))
    return (await look(watch, ["iphone"], now, only=news, on_fact=on_fact)).get("iphone", []) if news else []


def _troubled(verdict: Verdict | None) -> set[str]:
    return {device.udid for device in verdict.devices if device.state in asking.TROUBLED} if verdict else set()


def judged(watch: Watch, now: datetime) -> tuple[Snapshot, Verdict]:
    """What the facts mean at ``now``."""
    snapshot = watch.store.snapshot(now)
    watch.last = verdict_of(watch.config, snapshot, watch.zone(), now)
    return snapshot, watch.last


def problems(watched: Watch, snapshot: Snapshot, now: datetime) -> tuple[Problem, ...]:
    """What keeps the watcher itself from watching."""
    health = [SourceHealth(status.name, status.blind_since) for status in watched.store.sources().values()]
    if not watched.config.account.apple_id:
        health = [status for status in health if status.name != "icloud"]
    return (*watched.extra, *watch(snapshot, health, watched.config.freshness.stale_after, sys.platform, now))


def decide(watch: Watch, snapshot: Snapshot, verdict: Verdict, now: datetime) -> policy.Decision:
    """Compare with what the person was told, and write the outcome with its messages in one transaction."""
    alerts, zone = watch.config.alerts, watch.zone()
    settings = policy.AlertSettings(
        zone, alerts.quiet_hours, alerts.remind_after, alerts.recovery, watch.config.storage.warn_before_full
    )
    memories = _memories(watch.store)
    decision = policy.decide(memories, verdict, problems(watch, snapshot, now), watch.store.snoozes(now), settings, now)
    entries = [_entry(send, verdict, zone, now) for send in decision.sends]
    changed = {thread: kept.to_json() if kept else None for thread, kept in decision.changed.items()}
    if changed or entries or decision.withdrawn:
        watch.store.decide(changed, entries, decision.withdrawn, now)
    return decision


async def speak(watch: Watch, now: datetime) -> list[tuple[Entry, Receipt]]:
    """Show what is due; a message counts as told only with the channel's proof that it was shown."""
    outcomes: list[tuple[Entry, Receipt]] = []
    failures = 0
    for entry in watch.store.due(now):
        receipt = await _show(watch.channels, entry)
        if receipt is None:
            break
        outcomes.append((entry, receipt))
        ident = entry.message.id
        if receipt.outcome is Outcome.SHOWN:
            watch.store.shown(ident, receipt.channel, receipt.evidence, _told(watch.store, entry.message, now), now)
        elif receipt.outcome is Outcome.LATER:
            watch.store.later(ident, receipt.detail, now)
            failures += 1
        else:
            watch.store.failed(ident, receipt.detail, now)
        log.info("spoke", mark=entry.mark, outcome=receipt.outcome.value, channel=receipt.channel)
        if failures >= FEW:  # those that failed have stepped back, so that the others get their turn next time
            break
    return outcomes


async def run_round(
    watch: Watch, sources: Iterable[str], now: datetime, *, on_fact: Callable[[Fact], None] | None = None
) -> list[tuple[Entry, Receipt]]:
    """The whole pass; ``sources`` may be empty, then what is already known is judged again."""
    await look(watch, sources, now, on_fact=on_fact)
    return await conclude(watch, now)


async def conclude(watch: Watch, now: datetime) -> list[tuple[Entry, Receipt]]:
    """Everything after the look: judge, decide, write both down, speak."""
    snapshot, verdict = judged(watch, now)
    before = _on_screen(watch.store)
    decision = decide(watch, snapshot, verdict, now)
    spoken = await speak(watch, now)
    replaced = {entry.message.thread for entry, receipt in spoken if receipt.shown}
    for thread in sorted(before - _on_screen(watch.store) - replaced):
        for channel in watch.channels:
            await channel.withdraw(thread)
    for fault in verdict.faults:
        log.error("a check failed", fault=fault)
    log.info(
        "round",
        phones=len(verdict.devices),
        state=verdict.state.value,
        decided=len(decision.sends),
        withdrawn=len(decision.withdrawn),
        spoken=len(spoken),
    )
    return spoken


async def _show(channels: Sequence[Channel], entry: Entry) -> Receipt | None:
    """The first proof that a channel gives, or the most hopeful refusal."""
    best: Receipt | None = None
    for channel in channels:
        receipt = await channel.deliver(entry.message)
        if receipt.shown:
            return receipt
        if best is None or (best.outcome is Outcome.NEVER and receipt.outcome is Outcome.LATER):
            best = receipt
    return best


def _entry(send: policy.Send, verdict: Verdict, zone: tzinfo, now: datetime) -> Entry:
    want = send.wants[0]
    return Entry(
        wording.write(send, verdict, zone, now),
        send.mark.value,
        tuple(want.device.udid for want in send.wants if want.device),
        want.cause.id if want.cause else None,
        send.created_at,
        send.not_before,
    )


def _memories(store: Store) -> dict[str, memory.Memory]:
    """What the person was told; a garbled row counts as nothing told, since we would rather repeat than lose."""
    told = {}
    for thread, data in store.memories().items():
        try:
            told[thread] = memory.Memory.from_json(data)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("a memory cannot be read and is forgotten", thread=thread.partition(":")[0])
    return told


def _on_screen(store: Store) -> set[str]:
    """The threads under which something was shown that the person should still know."""
    return {kept.told.under or thread for thread, kept in _memories(store).items() if kept.told}


def _told(store: Store, message: Message, now: datetime) -> Mapping[str, dict[str, object] | None]:
    """The memories that this message changes by having been shown."""
    told: dict[str, dict[str, object] | None] = {}
    for thread, before in _memories(store).items():
        after = memory.shown(before, message.id, message.thread, now)
        if after != before:
            told[thread] = after.to_json() if after != memory.Memory() else None
    return told


def _is_night(wall: time) -> bool:
    return wall >= time(22) or wall < time(7)
