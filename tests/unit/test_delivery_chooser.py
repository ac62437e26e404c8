"""Which channels a machine gets, and that waiting for something to say costs nothing."""

from __future__ import annotations

import subprocess
import sys

from backupwatch.delivery.chooser import channels
from backupwatch.delivery.desktop import DesktopChannel
from backupwatch.delivery.macos import MacChannel


def test_each_system_gets_its_own_desktop() -> None:
    """Linux speaks over D-Bus, macOS through Notification Center."""
    assert [type(channel) for channel in channels(True, platform="linux")] == [DesktopChannel]
    assert [type(channel) for channel in channels(True, platform="darwin")] == [MacChannel]


def test_notifications_that_are_switched_off_are_off() -> None:
    """With alerts.desktop = false nothing is ever shown."""
    assert channels(False) == []


def test_silence_is_cheap() -> None:
    """A daemon with nothing to say has loaded neither the notification library nor D-Bus nor the terminal's library."""
    program = (
        "import sys; from backupwatch.delivery.chooser import channels; "
        "[channels(True, platform=p) for p in ('linux', 'darwin')]; "
        "print([name for name in ('desktop_notifier', 'dbus_fast', 'rich', 'bidict') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded == "[]\n"
