"""When each source is looked at next, by the wall clock: pure but for the dice, which are handed in.

APScheduler's own timers aim at moments of a clock that stands still while the machine sleeps, so that what is due is
looked up here at every heartbeat. Clocks that are set back or forward and time zones change nothing: only the
distance between two looks counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from backupwatch import asking
from backupwatch.facts.observation import Blind, BlindReason, Fact
from backupwatch.settings.values import Config
from backupwatch.sources.icloud_backoff import UNTIL_A_PERSON_ACTS, next_account_look

SPREAD: Final = 0.05
"""Share of an interval by which looks are spread, so that a house full of computers does not ask in step."""
LONGEST_BACK_OFF: Final = timedelta(days=1)
SLACK: Final = timedelta(minutes=1)
"""Clocks are corrected by seconds all the time; a look that lies further in the future was made by another clock."""
REMOTE: Final = frozenset({"icloud", "apple-status", "ios-releases"})
"""Sources that are other people's servers: they are left alone for longer and longer while they fail."""
AWAY: Final = frozenset({BlindReason.NETWORK, BlindReason.PORTAL})
"""Failures of our own network; the server was not bothered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One source's next look.

    :ivar asked: when it was looked at last (aware UTC).
    :ivar at: when it is due, or None: not before a person acts.
    """

    asked: datetime
    at: datetime | None


def intervals(config: Config) -> dict[str, timedelta]:
    """How often each source is looked at under this configuration."""
    polling = config.polling
    return {
        "iphone": polling.devices_every,
        "icloud": polling.account_every,
        "apple-status": polling.services_every,
        "ios-releases": asking.RELEASES_EVERY,
        "local-backups": max(polling.devices_every, timedelta(hours=1)),
    }


def _about(source: str, config: Config) -> object:
    """The part of the configuration that decides where ``source`` looks."""
    advanced = config.advanced
    return {
        "iphone": (advanced.usbmuxd, config.polling.wifi, config.devices),
        "icloud": (advanced.icloud, config.account),
        "apple-status": advanced.system_status,
        "ios-releases": advanced.ios_releases,
        "local-backups": config.local_backups,
    }[source]


@dataclass
class Schedule:
    """The plans of all sources.

    :ivar dice: answers a number from 0 to 1 for the spread.
    :ivar seed: stays the same on this computer; see :func:`next_account_look`.
    """

    dice: Callable[[], float]
    seed: str = ""
    plans: dict[str, Plan] = field(default_factory=dict)
    failures: dict[str, list[Blind]] = field(default_factory=dict)

    def ready(self, config: Config, now: datetime) -> list[str]:
        """Sources that are due at ``now``; one that was never looked at is due."""
        return [source for source in intervals(config) if self._is_ready(self.plans.get(source), now)]

    def asked(self, source: str, config: Config, now: datetime) -> None:
        """A look begins; until its outcome is known the next one is an interval away."""
        self.plans[source] = Plan(now, now + self._spread(intervals(config)[source]))

    def answered(self, source: str, facts: Iterable[Fact], config: Config, now: datetime) -> None:
        """A look has ended: a server that failed is left alone for longer, one that refused until a person acts."""
        if source not in REMOTE:
            return
        blinds = [fact for fact in facts if isinstance(fact, Blind) and fact.look.partition(":")[0] == source]
        if not blinds:
            self.failures.pop(source, None)
        else:
            whole = next((blind for blind in blinds if blind.look == source), blinds[-1])
            self.failures[source] = [*self.failures.get(source, []), whole][-16:]
        failures, interval = self.failures.get(source, []), intervals(config)[source]
        if source == "icloud":
            at = next_account_look(failures, now, interval, self.seed)
        else:
            at = now + self._back_off(failures, interval)
        self.plans[source] = Plan(now, at)

    def late(self, config: Config, now: datetime) -> dict[str, int]:
        """How many looks each due source has missed: the machine slept, was off, or had no time."""
        missed = {}
        for source, interval in intervals(config).items():
            plan = self.plans.get(source)
            if plan is not None and plan.at is not None and (count := int((now - plan.at) / interval)) > 0:
                missed[source] = count
        return missed

    def again(self, source: str, at: datetime) -> None:
        """What was seen got lost: look again at ``at`` if that bothers nobody else's server, nor is planned sooner."""
        plan = self.plans.get(source)
        if plan is not None and plan.at is not None and source not in REMOTE:
            self.plans[source] = Plan(plan.asked, min(plan.at, at))

    def nothing_to_ask(self, source: str, config: Config, now: datetime) -> None:
        """No account, or no phone whose versions could be asked for: thought of again after the next look."""
        self.plans[source] = Plan(now, now + min(intervals(config)[source], config.polling.devices_every))

    def changed(self, before: Config, config: Config) -> None:
        """What was changed is looked at anew; an interval that was changed counts from the last look on."""
        old = intervals(before)
        for source, interval in intervals(config).items():
            if _about(source, before) != _about(source, config):
                self.plans.pop(source, None)
                self.failures.pop(source, None)
            plan = self.plans.get(source)
            if plan is not None and plan.at is not None and interval != old[source] and not self.failures.get(source):
                self.plans[source] = Plan(plan.asked, plan.asked + self._spread(interval))

    def person_acted(self) -> None:
        """Signed in, or changed the configuration: whatever waits for a person is due."""
        for source, plan in list(self.plans.items()):
            if plan.at is None:
                del self.plans[source]
                self.failures.pop(source, None)

    def parked(self, source: str) -> datetime | None:
        """When a source that now waits for a person was looked at last, or None if it does not wait for one."""
        plan = self.plans.get(source)
        return plan.asked if plan is not None and plan.at is None else None

    def network_may_be_back(self) -> None:
        """The machine woke up: what failed for want of a network is due."""
        for source, blinds in list(self.failures.items()):
            if blinds and blinds[-1].reason in AWAY:
                self.plans.pop(source, None)
                del self.failures[source]

    def resume(self, asked: datetime | None, at: datetime | None, blind: Blind | None, *, acted: bool) -> None:
        """After a restart the account is not asked sooner than was planned before.

        :param asked: when it was last looked at. :param at: what was planned then.
        :param blind: why that look failed, or None. :param acted: whether a person has signed in since.
        """
        if asked is None or acted:
            return
        if blind is not None:
            self.failures["icloud"] = [blind]
        if at is not None:
            self.plans["icloud"] = Plan(asked, at)
        elif blind is not None and blind.reason in UNTIL_A_PERSON_ACTS:
            self.plans["icloud"] = Plan(asked, None)

    def next(self, now: datetime) -> datetime:
        """The next moment at which something is due."""
        return max(now, min((plan.at for plan in self.plans.values() if plan.at), default=now))

    @staticmethod
    def _is_ready(plan: Plan | None, now: datetime) -> bool:
        if plan is None:
            return True
        # A last look that lies in the future: the clock was set back, and how long ago it was is not known.
        return plan.at is not None and (plan.at <= now or now < plan.asked - SLACK)

    def _spread(self, pause: timedelta) -> timedelta:
        return pause * (1 - SPREAD + 2 * SPREAD * self.dice())

    def _back_off(self, failures: list[Blind], interval: timedelta) -> timedelta:
        if not failures or failures[-1].reason in AWAY:
            return self._spread(interval)
        pause = self._spread(min(max(interval, LONGEST_BACK_OFF), interval * 2 ** min(len(failures) - 1, 10)))
        asked_for = failures[-1].retry_after
        # More than a week is no honest answer, and would overflow the calendar.
        return pause if asked_for is None else max(pause, timedelta(seconds=min(max(asked_for, 0.0), 7 * 86_400.0)))
