"""Imported before pymobiledevice3: keeps out of a worker what the library only needs at its own command line.

The library's ``utils`` imports an HTTP client for downloads and a prompt toolkit for questions; together they are
a third of the time in which a look begins. A worker has no terminal and downloads nothing. Both are still there
for whoever asks for them: they are loaded at that moment. (``importlib.util.LazyLoader`` would not do: a plain
``import`` statement already wakes its modules.)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands for a module until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def put_off(name: str, **named: object) -> None:
    """Let ``import name`` cost nothing; ``named`` are the things that an importer mentions without using them."""
    if name not in sys.modules:
        later = sys.modules[name] = Later(name)
        vars(later).update(named)


if "pymobiledevice3.utils" not in sys.modules:
    put_off("requests")
    put_off("questionary", Question=object)  # the class in an annotation
