"""Speaking into the log, for people who switched desktop alerts off: `status` and the log tell all."""

from __future__ import annotations

import structlog

from backupwatch.alerts.message import Message
from backupwatch.delivery.channel import Outcome, Receipt

log = structlog.stdlib.get_logger(__name__)


class JournalChannel:
    """Writes the alert to the log; that is where the person asked it to go."""

    name = "log"

    async def deliver(self, message: Message) -> Receipt:
        """Write it."""
        log.warning("alert", title=message.title, body=message.body)
        return Receipt(Outcome.SHOWN, self.name, evidence="written to the log, since desktop alerts are off")

    async def withdraw(self, thread: str) -> None:
        """Nothing: the log keeps what it has."""

    async def close(self) -> None:
        """Nothing to let go of."""
