"""Telling a story: every look of a scenario, in virtual time, through the real workers, store and policy.

The demo, the story tests and the pictures are made with this. The product's own part of it is an ordinary round;
only the clock is another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backupwatch import asking
from backupwatch import round as rounds
from backupwatch.delivery.channel import Channel, Receipt
from backupwatch.facts.observation import Fact
from backupwatch.settings.values import Account, Advanced, Alerts, Config, Polling
from backupwatch.simulator.icloud_account import told
from backupwatch.simulator.scenario import Scenario
from backupwatch.simulator.stage import Stage
from backupwatch.sources.looker import Looker
from backupwatch.store import Entry, open_store

SOURCES = ("iphone", "icloud", "apple-status", "ios-releases")
QUICK = asking.Patience(phone=3.0, log=0.4, night_log=0.4, page=10.0, browse=0.0)
"""A simulated phone answers at once or never."""


@dataclass
class Telling:
    """A story being told."""

    stage: Stage
    watch: rounds.Watch
    scenario: Scenario

    def moments(self) -> list[datetime]:
        """When the watcher looks, oldest first, none of them later than the stage's end."""
        return self.scenario.moments(self.stage.today)

    async def look_at(
        self, moment: datetime, on_fact: Callable[[Fact], None] | None = None
    ) -> list[tuple[Entry, Receipt]]:
        """Move everybody to the moment and run one round; answers what was said."""
        await self.stage.move_to(moment)
        return await rounds.run_round(self.watch, SOURCES, moment, on_fact=on_fact)


@asynccontextmanager
async def telling(
    scenario: Scenario,
    folder: Path,
    channels: Sequence[Channel],
    *,
    today: date | datetime | None = None,
    config: Config | None = None,
    patience: asking.Patience = QUICK,
) -> AsyncIterator[Telling]:
    """Set the scene in ``folder`` (private, and nothing outside it is touched) and hand out the telling.

    :param config: the person's settings; its ``[advanced]`` addresses are replaced by the stage's.
    """
    async with Stage(scenario, folder / "stage", today=today) as stage:
        base = config or Config(alerts=Alerts(quiet_hours=None))
        looker = Looker(environment={"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}, keep=True)
        state = folder / "state"
        store = open_store(state / "watch.sqlite3", stage.now)
        watch = rounds.Watch(
            dataclasses.replace(
                base,
                polling=dataclasses.replace(base.polling, wifi=False) if base.polling == Polling() else base.polling,
                advanced=Advanced(**stage.advanced),
                account=_sign_in(stage, state, scenario.moments(stage.today)[0]),
            ),
            store,
            looker,
            state,
            lambda: UTC,
            channels,
            patience,
        )
        try:
            yield Telling(stage, watch, scenario)
        finally:
            await looker.close()
            store.close()


def _sign_in(stage: Stage, state: Path, begins: datetime) -> Account:
    """The person has signed in on the day before the story begins, where the story has an account."""
    if not stage.scenario.account:
        return Account()
    stage.icloud.signed_in(state, begins - timedelta(days=1))
    return Account(apple_id=str(told(stage.scenario.account)["apple_id"]))
