"""The names of the shipped story about names, for tests of everything that shows one."""

from __future__ import annotations

from backupwatch.simulator.scenario import find


def nasty_names() -> list[str]:
    """As the phones tell them: markup, line breaks, escape codes, right-to-left, ten thousand letters, nothing."""
    return [
        phone.name * (phone.name_length // max(1, len(phone.name)) + 1) if phone.name_length else phone.name
        for phone in find("nasty-names").phone
    ]
