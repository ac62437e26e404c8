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

import structlog

from backupwatch import asking
from backupwatch.alerts import memory, policy, wording
from backupwatch.delivery.channel import Channel, Outcome, Receipt
from backupwatch.facts.observation import Fact, Observation
from backupwatch.facts.snapshot import Snapshot
from backupwatch.judge.verdict import Verdict
from backupwatch.judge.watcher import Problem, SourceHealth, watch
from backupwatch.judging import verdict_of
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker
from backupwatch.store import Entry, Store

log = structlog.stdlib.get_logger(__name__)


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
    on_fact: Callable[[Fact], None] | None = None,
) -> int:
    """Look through the named sources side by side and remember what was seen; answers how many facts."""
    snapshot = watch.store.snapshot(now)
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

    async def ask(question: asking.Question) -> int:
        deaths = watch.looker.deaths
        facts = await watch.looker.look(
            question.source, question.request, question.deadline, subject=question.subject, on_fact=on_fact
        )
        watch.store.append(facts)
        saw = any(isinstance(fact, Observation) for fact in facts)
        watch.store.looked(question.source, now, saw=saw, deaths=watch.looker.deaths - deaths)
        log.info("looked", source=question.source, facts=len(facts), saw=saw)
        return len(facts)

    return sum(await asyncio.gather(*(ask(question) for question in questions)))


def judged(watch: Watch, now: datetime) -> tuple[Snapshot, Verdict]:
    """What the facts mean at ``now``."""
    snapshot = watch.store.snapshot(now)
    watch.last = verdict_of(watch.config, snapshot, watch.zone(), now)
    return snapshot, watch.last


def problems(watched: Watch, snapshot: Snapshot, now: datetime) -> tuple[Problem, ...]:
    """What keeps the watcher itself from watching."""
    health = [SourceHealth(status.name, status.blind_since) for status in watched.store.sources().values()]
    return (*watched.extra, *watch(snapshot, health, watched.config.freshness.stale_after, sys.platform, now))


def decide(watch: Watch, snapshot: Snapshot, verdict: Verdict, now: datetime) -> policy.Decision:
    """Compare with what the person was told, and write the outcome with its messages in one transaction."""
    alerts, zone = watch.config.alerts, watch.zone()
    settings = policy.AlertSettings(
        zone, alerts.quiet_hours, alerts.remind_after, alerts.recovery, watch.config.storage.warn_before_full
    )
    memories = {thread: memory.Memory.from_json(data) for thread, data in watch.store.memories().items()}
    decision = policy.decide(memories, verdict, problems(watch, snapshot, now), watch.store.snoozes(now), settings, now)
    entries = [_entry(send, verdict, zone, now) for send in decision.sends]
    changed = {thread: kept.to_json() if kept else None for thread, kept in decision.changed.items()}
    if changed or entries or decision.withdrawn:
        watch.store.decide(changed, entries, decision.withdrawn, now)
    return decision


async def speak(watch: Watch, now: datetime) -> list[tuple[Entry, Receipt]]:
    """Show what is due; a message counts as told only with the channel's proof that it was shown."""
    outcomes: list[tuple[Entry, Receipt]] = []
    for entry in watch.store.due(now):
        receipt = await _show(watch.channels, entry)
        if receipt is None:
            break
        outcomes.append((entry, receipt))
        ident = entry.message.id
        if receipt.outcome is Outcome.SHOWN:
            watch.store.shown(ident, receipt.channel, receipt.evidence, _told(watch.store, ident, now), now)
        elif receipt.outcome is Outcome.LATER:
            watch.store.later(ident, receipt.detail, now)
        else:
            watch.store.failed(ident, receipt.detail, now)
        log.info("spoke", mark=entry.mark, outcome=receipt.outcome.value, channel=receipt.channel)
    return outcomes


async def run_round(
    watch: Watch, sources: Iterable[str], now: datetime, *, on_fact: Callable[[Fact], None] | None = None
) -> list[tuple[Entry, Receipt]]:
    """The whole pass; ``sources`` may be empty, then what is already known is judged again."""
    await look(watch, sources, now, on_fact=on_fact)
    snapshot, verdict = judged(watch, now)
    decision = decide(watch, snapshot, verdict, now)
    for thread, kept in decision.changed.items():
        if kept is None:
            for channel in watch.channels:
                await channel.withdraw(thread)
    spoken = await speak(watch, now)
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


def _told(store: Store, ident: str, now: datetime) -> Mapping[str, dict[str, object] | None]:
    """The memories that this message changes by having been shown."""
    told: dict[str, dict[str, object] | None] = {}
    for thread, data in store.memories().items():
        before = memory.Memory.from_json(data)
        after = memory.shown(before, ident, now)
        if after != before:
            told[thread] = after.to_json() if after != memory.Memory() else None
    return told


def _is_night(wall: time) -> bool:
    return wall >= time(22) or wall < time(7)
