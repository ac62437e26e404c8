"""Where things stand in Settings, by major iOS version (15 to 27).

The person's own name stands at the top of Settings; we do not know it, so the path says ``[your name]``.
Sources: support.apple.com/108366 (back up), /108922 (storage), guide/iphone/iphea1c2fe48 (resets).
"""

from __future__ import annotations

_NAME = "Settings > [your name]"


def account() -> str:
    """The page of the person's Apple Account; red banners stand there."""
    return _NAME


def icloud_backup() -> str:
    """The switch Back Up This iPhone and the button Back Up Now."""
    return f"{_NAME} > iCloud > iCloud Backup"


def icloud_storage(major: int | None) -> str:
    """What fills iCloud; renamed twice."""
    if major is not None and major <= 15:
        return f"{_NAME} > iCloud > Manage Storage"
    if major is not None and major <= 17:
        return f"{_NAME} > iCloud > Manage Account Storage"
    return f"{_NAME} > iCloud > Storage"


def wifi() -> str:
    """Networks; the (i) beside each holds Low Data Mode and Forget This Network."""
    return "Settings > Wi-Fi"


def software_update() -> str:
    """Newer iOS versions."""
    return "Settings > General > Software Update"


def date_and_time() -> str:
    """The switch Set Automatically."""
    return "Settings > General > Date & Time"


def device_storage(thing: str) -> str:
    """What fills the phone itself; ``thing`` is iPhone or iPad."""
    return f"Settings > General > {thing} Storage"


def low_power(major: int | None) -> str:
    """Low Power Mode; moved into Power Mode with iOS 26."""
    return "Settings > Battery > Power Mode" if major is not None and major >= 26 else "Settings > Battery"


def management() -> str:
    """Profiles and VPN."""
    return "Settings > General > VPN & Device Management"


def shut_down() -> str:
    """Switching the phone off without buttons."""
    return "Settings > General > Shut Down"


def reset(thing: str) -> str:
    """Reset All Settings and Reset Location & Privacy, since iOS 15."""
    return f"Settings > General > Transfer or Reset {thing} > Reset"


def apple_account_word(major: int | None) -> str:
    """``Apple ID`` was renamed ``Apple Account`` with iOS 18."""
    return "Apple ID" if major is not None and major < 18 else "Apple Account"
