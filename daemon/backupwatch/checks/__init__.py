"""Why a backup is missing: one pure file per cause; this one lists the folder, nothing more.

A check is a module whose name is the cause's id with underscores and which has ``check(case) -> Finding``. It may
set ``APPLIES`` to the states of a phone in which it has something to say; without it that is when a backup is missing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from backupwatch.judge.finding import Case, Finding, State

MISSING: Final = frozenset({State.STALE, State.OVERDUE, State.NEVER})
"""The states in which every check answers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One cause's check.

    :ivar id: the contract's cause id.
    :ivar applies: states of a phone in which it is asked.
    """

    id: str
    check: Callable[[Case], Finding]
    applies: frozenset[State]


@cache
def load() -> tuple[Check, ...]:
    """Every check in this folder, in the order of their ids."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        applies = frozenset(getattr(module, "APPLIES", MISSING))
        found.append(Check(info.name.replace("_", "-"), module.check, applies))
    return tuple(sorted(found, key=lambda check: check.id))
