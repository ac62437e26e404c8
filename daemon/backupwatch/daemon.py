"""What people leave running for years: APScheduler wakes rounds, a heartbeat notices that the machine slept.

Resident are the scheduler, the policy, the store, the notifier and a usbmuxd listener; every look is a process of
its own. This module decides when, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from backupwatch import asking, clock, notify_socket
from backupwatch import round as rounds
from backupwatch.alerts.message import Message, Urgency
from backupwatch.delivery.channel import Channel
from backupwatch.errors import BackupwatchError
from backupwatch.judge.finding import State
from backupwatch.judge.watcher import Problem
from backupwatch.settings.values import Config
from backupwatch.sources.arrivals import Arrival, Debounce

log = structlog.stdlib.get_logger(__name__)

HEARTBEAT: Final = timedelta(seconds=30)
"""Short enough that overdue rounds run well within a minute of waking, long enough to cost nothing."""
JUMP: Final = timedelta(seconds=90)
"""Wall and monotonic clock may drift apart by this much between two heartbeats before it counts as a jump."""
PLUGGED_IN_PAUSE: Final = timedelta(seconds=3)
"""After the cable goes in: time for the phone to wake and offer its services."""

Reload = Callable[[], Coroutine[Any, Any, Config]]


@dataclass
class Schedule:
    """When each source is next due, in wall time; pure but for its random jitter.

    APScheduler's own triggers count on the monotonic clock, which stands still while the machine sleeps, so what
    is due is looked up here by the wall clock, at every heartbeat.
    """

    due: dict[str, datetime] = field(default_factory=dict)
    asked: dict[str, datetime] = field(default_factory=dict)

    def every(self, config: Config) -> dict[str, timedelta]:
        """The interval of each source under this configuration."""
        polling = config.polling
        return {
            "iphone": polling.devices_every,
            "icloud": polling.account_every,
            "apple-status": polling.services_every,
            "ios-releases": asking.RELEASES_EVERY,
            "local-backups": max(polling.devices_every, timedelta(hours=1)),
        }

    def ready(self, config: Config, now: datetime) -> list[str]:
        """Sources that are due at ``now``; an interval that was shortened counts at once."""
        return [
            source
            for source, pause in self.every(config).items()
            if self.due.get(source, now) <= now
            # Set back: a moment further away than one interval cannot have been meant.
            or self.due[source] - now > pause * 1.2 + timedelta(minutes=1)
        ]

    def done(self, source: str, config: Config, now: datetime) -> None:
        """Plan the next look, spread a little so that a house full of computers does not ask in step."""
        pause = self.every(config)[source]
        jitter = random.uniform(0.95, 1.05)  # noqa: S311 - spreading, not secrecy
        self.due[source] = now + pause * jitter

    def next(self, now: datetime) -> datetime:
        """The next moment at which something is due."""
        return max(now, min(self.due.values(), default=now))


class Daemon:
    """The loop's life: start, wake, reload, stop."""

    def __init__(
        self,
        watch: rounds.Watch,
        reload: Reload,
        channels: Callable[[Config], Sequence[Channel]],
        *,
        now: clock.Clock = clock.utc_now,
        monotonic: Callable[[], float] = clock.monotonic,
        arrivals: Callable[[], AsyncIterator[Arrival]] | None = None,
        changes: Callable[[], AsyncIterator[None]] | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet.

        :param reload: reads the configuration again in a process of its own.
        :param channels: the ways of speaking that a configuration asks for; made anew when it changes.
        :param arrivals: yields whenever a phone comes or goes.
        :param changes: yields whenever a configuration file changed.
        """
        self.watch = watch
        self.schedule = Schedule()
        self._reload, self._channels, self._now, self._monotonic = reload, channels, now, monotonic
        self._arrivals, self._changes = arrivals, changes
        self._debounce = Debounce()
        self._said_broken = False
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()  # one round at a time
        self._beat_at = (now(), monotonic())
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Watch until told to stop; everything is written when this returns."""
        loop = asyncio.get_running_loop()
        for number, handler in (
            (signal.SIGTERM, self._stop.set),
            (signal.SIGINT, self._stop.set),
            (signal.SIGHUP, lambda: self.spawn(self.reload())),
            (signal.SIGUSR1, lambda: self.spawn(self.round([]))),
        ):
            loop.add_signal_handler(number, handler)
        self.watch.channels = self._channels(self.watch.config)
        self.watch.store.set_meta("started_at", clock.rfc3339(self._now()))
        scheduler = self._scheduler()
        scheduler.start()
        notify_socket.ready()
        notify_socket.status(self.status_line())
        if self._arrivals is not None:
            self.spawn(self._on_arrivals(self._arrivals))
        if self._changes is not None:
            self.spawn(self._on_changes(self._changes))
        watchdog = asyncio.create_task(self._feed_watchdog())
        await self._stop.wait()
        notify_socket.stopping()
        scheduler.shutdown(wait=False)
        watchdog.cancel()
        for task in [*self._tasks, watchdog]:
            task.cancel()
        await asyncio.gather(*self._tasks, watchdog, return_exceptions=True)
        await self.watch.looker.close()
        for channel in self.watch.channels:
            await channel.close()
        self.watch.store.close()
        log.info("stopped")

    def stop(self) -> None:
        """End as soon as what is being written is written."""
        self._stop.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loop, and keep it alive until it is done."""
        task = asyncio.get_running_loop().create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- rounds -------------------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """One heartbeat: notice a jump of the clock, run what is due."""
        now, mono = self._now(), self._monotonic()
        slept = (now - self._beat_at[0]) - timedelta(seconds=mono - self._beat_at[1])
        self._beat_at = (now, mono)
        if abs(slept) > JUMP:
            log.info("clock jumped or the machine slept", seconds=int(slept.total_seconds()))
            with contextlib.suppress(BackupwatchError):
                self.watch.store.retry_at_once(now)
        due = self.schedule.ready(self.watch.config, now)
        if "iphone" not in due and self._debounce.due(mono):
            due.append("iphone")
        waiting = self.watch.store.next_try()
        if due or (waiting is not None and waiting <= now):
            await self.round(due)

    async def round(self, sources: Sequence[str]) -> None:
        """One round over the named sources; they wait for one another. A broken store is said and waited for."""
        async with self._turn:
            now = self._now()
            for source in sources:
                self.schedule.done(source, self.watch.config, now)
            try:
                await rounds.run_round(self.watch, sources, now)
                self.watch.store.plan(self.schedule.due)
            except BackupwatchError as error:
                await self._say_broken(error)
                return
            self._said_broken = False
            notify_socket.status(self.status_line())

    async def _say_broken(self, error: BackupwatchError) -> None:
        """Nothing can be remembered, so this one message goes past the outbox, once until it is mended."""
        log.error("round failed", reason=error.line())
        notify_socket.status(error.line())
        if self._said_broken:
            return
        message = Message("broken", "backupwatch cannot watch", error.line(), Urgency.NORMAL, thread="broken")
        for channel in self.watch.channels:
            self._said_broken = self._said_broken or (await channel.deliver(message)).shown

    def status_line(self) -> str:
        """``4 phones, 1 stale; next look 14:30``."""
        verdict, at = self.watch.last, self.schedule.next(self._now()).astimezone(self.watch.zone())
        if verdict is None or not verdict.devices:
            return f"no phone known yet; next look {at:%H:%M}"
        bad = sum(device.state in {State.STALE, State.OVERDUE, State.NEVER} for device in verdict.devices)
        count = len(verdict.devices)
        return f"{count} phone{'s' if count > 1 else ''}, {bad} stale; next look {at:%H:%M}"

    async def reload(self) -> None:
        """Read the configuration again; a bad one is told once and the last good one stays."""
        try:
            config = await self._reload()
        except BackupwatchError as error:
            sentence = f"The configuration has a mistake, so the last good one is kept: {error.what.rstrip('.')}."
            # Another mistake is another problem, and is told on its own.
            ident = f"config-{hashlib.sha256(sentence.encode()).hexdigest()[:8]}"
            self.watch.extra = (Problem(ident, sentence, "Run: backupwatch config check", self._now()),)
            log.warning("configuration refused", reason=error.line())
        else:
            changed = _changed(self.watch.config, config)
            if "alerts.desktop" in changed:
                for channel in self.watch.channels:
                    await channel.close()
                self.watch.channels = self._channels(config)
            self.watch.config, self.watch.extra = config, ()
            log.info("configuration reloaded", changed=", ".join(changed) or "nothing")
        await self.round([])

    async def act(self, udid: str | None, action: str) -> None:
        """A button of a notification was pressed."""
        now = self._now()
        if udid is not None and action in {"snooze", "done"}:
            length = timedelta(days=1) if action == "snooze" else timedelta(hours=36)
            self.watch.store.snooze(udid, now + length, now)
            await self.round([])

    # -- what wakes a round --------------------------------------------------------------------------------------

    def _scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            # Always run, however late; once for many missed; never two side by side.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_job(
            self.beat,
            "interval",
            seconds=HEARTBEAT.total_seconds(),
            jitter=2,
            next_run_time=datetime.now(UTC),
            id="beat",
        )
        scheduler.add_job(self._tidy, "interval", hours=24, id="tidy")
        scheduler.add_listener(self._on_event, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        return scheduler

    async def _tidy(self) -> None:
        self.watch.store.prune(self._now())

    def _on_event(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_ERROR:
            log.error("job failed", job=event.job_id, reason=type(getattr(event, "exception", None)).__name__)
        elif event.code == EVENT_JOB_MISSED:
            with contextlib.suppress(BackupwatchError):
                self.watch.store.missed(event.job_id)

    async def _on_arrivals(self, arrivals: Callable[[], AsyncIterator[Arrival]]) -> None:
        async for arrival in arrivals():
            if self._debounce.arrival(arrival, self._monotonic()):
                log.info("a phone came", connection=arrival.connection)
                self.spawn(self._look_soon())

    async def _look_soon(self) -> None:
        await asyncio.sleep(PLUGGED_IN_PAUSE.total_seconds())
        await self.round(["iphone"])

    async def _on_changes(self, changes: Callable[[], AsyncIterator[None]]) -> None:
        async for _change in changes():
            await self.reload()

    async def _feed_watchdog(self) -> None:
        pause = notify_socket.watchdog_interval()
        while pause is not None:
            notify_socket.watchdog()
            await asyncio.sleep(pause)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """What runs beside the loop must not die silently."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.exception("background work failed", reason=type(error).__name__)


def _changed(before: Config, after: Config) -> list[str]:
    """The keys whose values differ, dotted."""
    old, new = before.to_json(), after.to_json()
    keys = []
    for table, values in new.items():
        if isinstance(values, dict):
            keys += [f"{table}.{key}" for key, value in values.items() if old[table].get(key) != value]
        elif values != old[table]:
            keys.append(table)
    return keys


def open_report(udid: str | None) -> None:
    """Show the report page at one phone, in a process of its own."""
    subprocess.Popen(
        [sys.executable, "-m", "backupwatch", "report", "--open", *(["--device", udid] if udid else [])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the daemon goes on; the page is its own affair
    )
