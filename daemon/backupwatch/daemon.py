"""What people leave running for years: APScheduler wakes rounds, a heartbeat notices that the machine slept.

Resident are the scheduler, the policy, the store, the notifier and a usbmuxd listener; every look is a process of
its own. This module decides when, and nothing else; the plan itself is :mod:`backupwatch.schedule`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from backupwatch import clock, notify_socket
from backupwatch import round as rounds
from backupwatch.alerts.message import Message, Urgency
from backupwatch.delivery.channel import Channel
from backupwatch.errors import BackupwatchError
from backupwatch.facts.observation import Fact
from backupwatch.judge.finding import State
from backupwatch.judge.watcher import Problem
from backupwatch.paths import account_dir
from backupwatch.schedule import Schedule
from backupwatch.settings.problems import InvalidConfigError
from backupwatch.settings.values import Config
from backupwatch.sources.arrivals import Arrival, Debounce
from backupwatch.sources.icloud_files import SIGNED_IN
from backupwatch.store import DamagedError, GoneError, Store

log = structlog.stdlib.get_logger(__name__)

HEARTBEAT: Final = timedelta(seconds=30)
"""Short enough that overdue rounds run well within a minute of waking, long enough to cost nothing."""
JUMP: Final = timedelta(seconds=90)
"""Wall and monotonic clock may drift apart by this much between two heartbeats before it counts as a jump."""
PLUGGED_IN_PAUSE: Final = timedelta(seconds=3)
"""After the cable goes in: time for the phone to wake and offer its services."""
TIDY_EVERY: Final = timedelta(days=1)
FIRST_TIDY: Final = timedelta(minutes=10)
"""After the start: a laptop that is switched off every evening is tidied too."""
MEND_AGAIN: Final = 3600.0
"""Seconds: a store that is damaged again so soon is not mended in a circle."""
TRY_AGAIN: Final = timedelta(minutes=5)
"""After what was seen could not be remembered."""
MEMORY_DAMAGED: Final = "The memory of backups and alerts was damaged; what could be read of it was saved."
MEMORY_GONE: Final = "The memory of backups and alerts was deleted or replaced, so a new one was begun."
HEALTHY: Final = ("", 0, 0.0)
"""Of the store: what was said about it, how often it has failed, not again before (monotonic seconds)."""
LAST_WORDS: Final = 1.0
"""Seconds for a message that is just being shown, when we are told to stop; two are allowed for everything."""
PAUSES: Final = (30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds between attempts on a store that cannot be used; the last one repeats."""

Reload = Callable[[], Coroutine[Any, Any, Config]]


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
        reopen: Callable[[], Store] | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet.

        :param reload: reads the configuration again in a process of its own.
        :param channels: the ways of speaking that a configuration asks for; made anew when it changes.
        :param arrivals: yields whenever a phone comes or goes.
        :param changes: yields whenever a configuration file changed.
        :param reopen: opens the store anew after damage, which moves the damaged file aside.
        :param schedule: what was planned before a restart.
        """
        self.watch = watch
        self.schedule = schedule or Schedule(random.random)
        self._reload, self._channels, self._now, self._monotonic = reload, channels, now, monotonic
        self._arrivals, self._changes, self._reopen = arrivals, changes, reopen
        self._debounce = Debounce()
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()  # one conclusion at a time
        self._reloading = asyncio.Lock()
        self._looking: dict[str, asyncio.Lock] = {}  # one look at a time per source
        self._lookers: set[asyncio.Task[Any] | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[str] = set()  # work that has not begun and need not be asked for twice
        self._beat_at = (now(), monotonic())
        self._tidied_at = now() - TIDY_EVERY + FIRST_TIDY
        self._broken = HEALTHY
        self._mended_at = -MEND_AGAIN
        self._problems: dict[str, Problem] = {}

    async def run(self) -> None:
        """Watch until told to stop; everything is written when this returns."""
        loop = asyncio.get_running_loop()
        for number, handler in (
            (signal.SIGTERM, self._stop.set),
            (signal.SIGINT, self._stop.set),
            (signal.SIGHUP, lambda: self.once("reload", self.reload)),
            (signal.SIGUSR1, lambda: self.once("conclude", self.conclude)),
        ):
            loop.add_signal_handler(number, handler)
        self.watch.channels = self._channels(self.watch.config)
        with contextlib.suppress(BackupwatchError):  # the first round says it better
            self.watch.store.set_meta("started_at", clock.rfc3339(self._now()))
            self.watch.store.retry_at_once(self._now())
        scheduler = self._scheduler()
        scheduler.start()
        notify_socket.ready()
        notify_socket.status(self.status_line())
        if self._arrivals is not None:
            self.spawn(self._on_arrivals(self._arrivals))
        if self._changes is not None:
            self.spawn(self._on_changes(self._changes))
        self.spawn(self._keep_time(scheduler))
        self.spawn(self._feed_watchdog())
        await self._stop.wait()
        notify_socket.stopping()
        scheduler.shutdown(wait=False)
        await self._end()
        log.info("stopped")

    def stop(self) -> None:
        """End as soon as what is being written is written."""
        self._stop.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loop, and keep it alive until it is done."""
        task = asyncio.get_running_loop().create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def once(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Spawn ``work`` unless the same is waiting to begin: a hundred signals are worth one round."""
        if name not in self._waiting:
            self._waiting.add(name)
            self.spawn(work())

    async def _end(self) -> None:
        for task in filter(None, self._lookers):
            task.cancel()
        if self._turn.locked():  # somebody is being told something: let it be noted that they were
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._turn.acquire()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.watch.looker.close()
        for channel in self.watch.channels:
            await channel.close()
        self.watch.store.close()

    # -- rounds -------------------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """One heartbeat: notice a jump of the clock, begin what is due. Never waits for a look."""
        now, mono = self._now(), self._monotonic()
        jump = (now - self._beat_at[0]) - timedelta(seconds=mono - self._beat_at[1])
        self._beat_at = (now, mono)
        if mono < self._broken[2]:
            return
        try:
            self.watch.store.expect_in_place()
            if self._broken[1]:
                self.watch.store.retry_at_once(now)  # nobody is bothered with looks that could not be remembered
            if abs(jump) > JUMP:
                self._jumped(jump, now)
            if (asked := self.schedule.parked("icloud")) and signed_in_since(self.watch.state, asked):
                self.schedule.person_acted()
            due = [source for source in self.schedule.ready(self.watch.config, now) if not self._is_looking(source)]
            missed = self.schedule.late(self.watch.config, now)
            if counted := {source: count for source, count in missed.items() if source in due}:
                self.watch.store.missed(counted)
            if self._debounce.due(mono) and "iphone" not in due:
                due.append("iphone")
            waiting = self.watch.store.next_try()
            if now - self._tidied_at >= TIDY_EVERY:
                self._tidied_at = now
                self.watch.store.prune(now)
        except BackupwatchError as error:
            await self._say_broken(error)
            return
        if due:
            self._plan(due, now)
            self.spawn(self.round(due))
        elif waiting is not None and waiting <= now:
            self.once("conclude", self.conclude)

    def _jumped(self, jump: timedelta, now: datetime) -> None:
        log.info("clock jumped or the machine slept", seconds=int(jump.total_seconds()))
        if jump > timedelta(0):
            self.schedule.network_may_be_back()
        self._tidied_at = min(self._tidied_at, now)
        self.watch.store.retry_at_once(now)

    def _plan(self, sources: Sequence[str], now: datetime) -> None:
        for source in sources:
            self.schedule.asked(source, self.watch.config, now)

    def _is_looking(self, source: str) -> bool:
        return source in self._looking and self._looking[source].locked()

    async def round(self, sources: Sequence[str]) -> None:
        """Look at the named sources, each of which is looked at once at a time; then judge and speak."""
        task = asyncio.current_task()
        async with contextlib.AsyncExitStack() as stack:
            for source in sorted(sources):  # in one order, so that two rounds never wait for each other
                await stack.enter_async_context(self._looking.setdefault(source, asyncio.Lock()))
            self._waiting.difference_update(f"look at {source}" for source in sources)
            now = self._now()
            self._plan(sources, now)
            self._lookers.add(task)
            try:
                answers = await rounds.look(self.watch, sources, now)
                self._answered(sources, answers)
            except BackupwatchError as error:
                for source in sources:
                    self.schedule.again(source, self._now() + TRY_AGAIN)
                await self._say_broken(error)
                return
            finally:
                self._lookers.discard(task)
        await self.conclude()

    def _answered(self, sources: Sequence[str], answers: Mapping[str, Sequence[Fact]]) -> None:
        config, now = self.watch.config, self._now()
        for source in sources:
            if source in answers:
                self.schedule.answered(source, answers[source], config, now)
            else:
                self.schedule.nothing_to_ask(source, config, now)
        self.watch.store.plan({source: plan.at for source, plan in self.schedule.plans.items()})

    async def conclude(self) -> None:
        """Judge what is known, decide, speak. A broken store is said and waited for."""
        async with self._turn:
            self._waiting.discard("conclude")
            if self._stop.is_set():
                return
            try:
                self.watch.extra = tuple(self._problems.values())
                await rounds.conclude(self.watch, self._now())
            except BackupwatchError as error:
                await self._say_broken(error)
                return
            if self._broken != HEALTHY:
                log.info("the memory can be used again")
                self._broken = HEALTHY
            notify_socket.status(self.status_line())

    async def _say_broken(self, error: BackupwatchError) -> None:
        """Nothing can be remembered, so this one message goes past the outbox, once until it is mended."""
        if isinstance(error, DamagedError) and self._mended(error):
            return
        said, attempts, _ = self._broken
        self._broken = (said, attempts + 1, self._monotonic() + PAUSES[min(attempts, len(PAUSES) - 1)])
        if said == error.what:
            return
        log.error("round failed", reason=error.line())
        notify_socket.status(error.line())
        message = Message("broken", "backupwatch cannot watch", error.line(), Urgency.NORMAL, thread="broken")
        for channel in self.watch.channels:
            if said or (await channel.deliver(message)).shown:  # another sentence for the same trouble is only logged
                self._broken = (error.what, *self._broken[1:])

    def _mended(self, error: DamagedError) -> bool:
        """Open the store anew, which moves a damaged file aside; whether the watch can go on."""
        mono = self._monotonic()
        if self._reopen is None or mono - self._mended_at < MEND_AGAIN:
            return False
        self.watch.store.close()
        try:
            self.watch.store = self._reopen()
        except BackupwatchError as still:  # tried again at the next turn: it may be the disk that is full
            log.error("the memory could not be opened anew", reason=still.line())
            return False
        self._mended_at = mono
        log.warning("the memory was opened anew", reason=error.what)
        sentence = MEMORY_GONE if isinstance(error, GoneError) else MEMORY_DAMAGED
        fix = "Nothing to do now; if it happens again, check the disk"
        self._problems["memory"] = Problem("memory-damaged", sentence, fix, self._now())
        self.once("conclude", self.conclude)
        return True

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
        async with self._reloading:
            self._waiting.discard("reload")
            try:
                config = await self._reload()
            except BackupwatchError as error:
                self._problems["config"] = _refused(error, self._now())
                log.warning("configuration refused", reason=error.line())
            else:
                await self._take(config)
        await self.conclude()
        await self.beat()

    async def _take(self, config: Config) -> None:
        async with self._turn:  # nobody speaks meanwhile
            before, self.watch.config = self.watch.config, config
            changed = _changed(before, config)
            if "alerts.desktop" in changed:
                for channel in self.watch.channels:
                    await channel.close()
                self.watch.channels = self._channels(config)
            with contextlib.suppress(BackupwatchError):  # the next round says it
                self.watch.store.retry_at_once(self._now())
        self.schedule.changed(before, config)
        self.schedule.person_acted()
        self._problems.pop("config", None)
        log.info("configuration reloaded", changed=", ".join(changed) or "nothing")

    async def act(self, message_id: str, action: str) -> None:
        """A button of a notification was pressed: it is meant for every phone of which that speaks."""
        if action not in {"snooze", "done"}:
            return
        now, length = self._now(), timedelta(days=1) if action == "snooze" else timedelta(hours=36)
        try:
            for udid in self.watch.store.spoken_of(message_id):
                self.watch.store.snooze(udid, now + length, now)
        except BackupwatchError as error:
            await self._say_broken(error)
        self.once("conclude", self.conclude)

    # -- what wakes a round --------------------------------------------------------------------------------------

    def _scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            # Always run, however late; once for many missed; never two side by side.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        seconds = HEARTBEAT.total_seconds()
        scheduler.add_job(self.beat, "interval", seconds=seconds, jitter=2, next_run_time=self._now(), id="beat")
        scheduler.add_listener(_on_error, EVENT_JOB_ERROR)
        return scheduler

    async def _keep_time(self, scheduler: AsyncIOScheduler) -> None:
        """The scheduler aims at moments of the wall clock; set back, it would wait until that has caught up."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            job, now = scheduler.get_job("beat"), self._now()
            if job is not None and job.next_run_time is not None and job.next_run_time - now > 2 * HEARTBEAT:
                job.modify(next_run_time=now)

    async def _on_arrivals(self, arrivals: Callable[[], AsyncIterator[Arrival]]) -> None:
        async for arrival in arrivals():
            if self._debounce.arrival(arrival, self._monotonic()) and not self._only_woke_up(arrival):
                log.info("a phone came", connection=arrival.connection)
                self.once("look at iphone", self._look_soon)

    def _only_woke_up(self, arrival: Arrival) -> bool:
        """Phones on Wi-Fi doze and wake all day: such a one can wait for a look that is not long after the last."""
        asked = self.schedule.plans.get("iphone")
        pause = self.watch.config.polling.devices_every / 2
        return arrival.connection == "wifi" and asked is not None and self._now() - asked.asked < pause

    async def _look_soon(self) -> None:
        await asyncio.sleep(PLUGGED_IN_PAUSE.total_seconds())
        await self.round(["iphone"])

    async def _on_changes(self, changes: Callable[[], AsyncIterator[None]]) -> None:
        async for _change in changes():
            self.once("reload", self.reload)

    async def _feed_watchdog(self) -> None:
        pause = notify_socket.watchdog_interval()
        while pause is not None:
            notify_socket.watchdog()
            await asyncio.sleep(pause)


def _on_error(event: JobEvent) -> None:
    log.error("job failed", job=event.job_id, reason=type(getattr(event, "exception", None)).__name__)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """What runs beside the loop must not die silently."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.exception("background work failed", reason=type(error).__name__)


def _refused(error: BackupwatchError, now: datetime) -> Problem:
    """The problem of a configuration that cannot be used, known by its mistake and not by the line it stands in.

    Another mistake is another problem and is told on its own; the same one a few lines further down is not news.
    """
    what, mistake = error.what, error.what
    if isinstance(error, InvalidConfigError):
        what, first = error.brief(), error.problems[0]
        mistake = f"{first.file} {first.key} {first.message} {first.found}"
    ident = f"config-{hashlib.sha256(mistake.encode()).hexdigest()[:8]}"
    end = "" if what[-1:] in ".!?" else "."
    sentence = f"The configuration has a mistake, so the last good one is kept: {what}{end}"
    return Problem(ident, sentence, "Run: backupwatch config check", now)


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


def signed_in_since(state: Path, moment: datetime) -> bool:
    """Whether a person has signed in to the account after ``moment``."""
    try:
        return (account_dir(state) / SIGNED_IN).stat().st_mtime > moment.timestamp()
    except OSError:
        return False


async def open_report(udid: str | None) -> None:
    """Show the report page at one phone, in a process of its own that is waited for, so that no zombie is left.

    Nobody sees what that process prints, so a failure is logged.
    """
    from backupwatch.service.outside import outside

    phone = ["--device", udid] if udid else []
    process = await asyncio.create_subprocess_exec(
        *outside([sys.executable, "-m", "backupwatch", "report", "--open", *phone], os.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # the daemon goes on; the page is its own affair
    )
    if code := await process.wait():
        log.warning("the report could not be opened; run: backupwatch report --open", exit_code=code)
