"""Where things stand in Settings, by major iOS version (15 to 27).

The person's own name stands at the top of Settings. Phones are named after their owner (``Anna's iPhone``) until
somebody renames them; where the name is of another kind, the path says ``[your name]``.
Sources: support.apple.com/108366 (back up), /108922 (storage), guide/iphone/iphea1c2fe48 (resets).
"""

from __future__ import annotations

import re
from typing import Final

YOUR_NAME: Final = "[your name]"
_THING = r"(?:iPhone|iPad)"
_WHO = r"[^\W\d_][\w .-]{0,23}"
"""Letters above all: a name is foreign, and must not look like another place in Settings."""
_OWNERS: Final = (
    re.compile(rf"({_WHO})['’]s? {_THING}\b"),
    re.compile(rf"{_THING} (?:von|van|de|di|av|af) ({_WHO})$"),
)
"""How iOS named phones in some of its languages."""


def person(phone_name: str) -> str:
    """The owner's name as the phone's own name has it, or a stand-in.

    :param phone_name: one safe line.
    """
    found = next((match for pattern in _OWNERS if (match := pattern.match(phone_name))), None)
    return found[1] if found else YOUR_NAME


def account(person: str) -> str:
    """The page of the person's Apple Account; red banners stand there."""
    return f"Settings > {person}"


def icloud_backup(person: str) -> str:
    """The switch Back Up This iPhone and the button Back Up Now."""
    return f"{account(person)} > iCloud > iCloud Backup"


def icloud_storage(major: int | None, person: str) -> str:
    """What fills iCloud; renamed twice."""
    if major is not None and major <= 15:
        return f"{account(person)} > iCloud > Manage Storage"
    if major is not None and major <= 17:
        return f"{account(person)} > iCloud > Manage Account Storage"
    return f"{account(person)} > iCloud > Storage"


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
