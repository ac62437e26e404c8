"""Which ways of speaking this machine has."""

from __future__ import annotations

import sys
from pathlib import Path

from backupwatch.delivery.channel import ActionHandler, Channel
from backupwatch.delivery.desktop import DesktopChannel
from backupwatch.delivery.macos import MacChannel


def channels(
    desktop: bool, *, on_action: ActionHandler | None = None, platform: str = sys.platform, memory: Path | None = None
) -> list[Channel]:
    """Every channel that a daemon speaks by, in the order of preference; nothing is connected yet.

    :param desktop: ``alerts.desktop`` of the configuration; without it there is none, and ``status`` tells all.
    :param on_action: told of pressed buttons.
    :param memory: see :class:`~backupwatch.delivery.desktop.DesktopChannel`; the daemon's lies in its runtime
        directory. (macOS remembers by itself.)
    :param platform: as :data:`sys.platform` says it. Every system other than macOS is taken for one with a
        freedesktop.org session, and a delivery there says so when it is not.
    """
    if not desktop:
        return []
    return [MacChannel(on_action)] if platform == "darwin" else [DesktopChannel(on_action, memory=memory)]
