"""``backupwatch notify-test``: one harmless notification by every channel, and the truth about each."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import Sequence

from backupwatch.alerts.message import Message, Urgency
from backupwatch.cli.lines import say
from backupwatch.delivery.channel import Channel, Outcome, Receipt
from backupwatch.delivery.chooser import channels
from backupwatch.delivery.terminal import TerminalChannel

_VERDICTS = {Outcome.SHOWN: "arrived", Outcome.LATER: "not now", Outcome.NEVER: "does not work here"}


def harmless_message() -> Message:
    """What is sent: a sentence that worries nobody."""
    return Message(
        id=f"notify-test/{uuid.uuid4()}",
        title="backupwatch can reach you",
        body="This is only a test. An alert about a phone whose backup is late will look like this.",
        urgency=Urgency.NORMAL,
        thread="notify-test",
    )


async def notify_test(ways: Sequence[Channel]) -> list[Receipt]:
    """Send the test message by each of ``ways``, one after the other, and close them."""
    receipts = []
    for way in ways:
        receipts.append(await way.deliver(harmless_message()))
        await way.close()
    return receipts


def report(receipts: Sequence[Receipt]) -> str:
    """One line per channel: whether it arrived, and the evidence or the reason."""
    width = max(len(receipt.channel) for receipt in receipts)
    lines = []
    for receipt in receipts:
        why = "; ".join(part for part in (receipt.evidence, receipt.detail) if part)
        lines.append(f"{receipt.channel:<{width}}  {_VERDICTS[receipt.outcome]}: {why}")
    return "\n".join(lines)


def run(*, platform: str = sys.platform) -> int:
    """The command.

    :returns: 0 when a desktop channel showed it, else 1.
    """
    receipts = asyncio.run(notify_test([*channels(True, platform=platform), TerminalChannel()]))
    with contextlib.suppress(BrokenPipeError):
        for line in report(receipts).splitlines():
            say(line, sys.stdout, hang=2 + max(len(receipt.channel) for receipt in receipts))
    if any(receipt.shown for receipt in receipts if receipt.channel != TerminalChannel.name):
        return 0
    say("No notification reached a desktop. Alerts are kept until one can be shown; `backupwatch status` has them too.")
    return 1
