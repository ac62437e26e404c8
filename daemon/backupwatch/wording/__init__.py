"""All sentences that judging says, in one catalogue.

Every check keeps its sentences beside its rule, as whole sentences with named places; :func:`words` enters them
into the catalogue under ``<cause id>.<key>``, and :meth:`Words.say` fills the places. Nothing is glued from pieces:
a sentence that changes with a number stands there once for one (``key.one``) and once for several (``key.other``).
A translation is another mapping with the same keys and places.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

_CATALOGUE: dict[str, str] = {}
_SPEAKERS = ("backupwatch.judge.verdict", "backupwatch.alerts.wording")


class Words:
    """The sentences of one speaker."""

    def __init__(self, room: str, sentences: Mapping[str, str]) -> None:
        self.room = room
        for key, sentence in sentences.items():
            _CATALOGUE[f"{room}.{key}"] = sentence

    def say(self, key: str, **values: object) -> str:
        """The sentence ``key`` with its places filled; values are already safe for a person's eyes.

        :raises KeyError: no such sentence, or a place without a value: a mistake in the program.
        """
        return _CATALOGUE[f"{self.room}.{key}"].format_map(values)

    def count(self, key: str, number: int, **values: object) -> str:
        """The sentence for one (``key.one``) or for several (``key.other``); the place is called ``number``."""
        return self.say(f"{key}.one" if number == 1 else f"{key}.other", number=number, **values)

    def steps(self, key: str, **values: object) -> tuple[str, ...]:
        """The numbered steps ``key.1``, ``key.2``, … in order."""
        found: list[str] = []
        while f"{self.room}.{key}.{len(found) + 1}" in _CATALOGUE:
            found.append(self.say(f"{key}.{len(found) + 1}", **values))
        return tuple(found)


def words(room: str, sentences: Mapping[str, str]) -> Words:
    """Enter sentences into the catalogue and get their speaker."""
    return Words(room, sentences)


def catalogue() -> Mapping[str, str]:
    """Every sentence of every speaker, by key."""
    for module in _SPEAKERS:
        importlib.import_module(module)
    return MappingProxyType(dict(sorted(_CATALOGUE.items())))
