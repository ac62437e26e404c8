"""The rule of the house: which room may use what, read from the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "daemon" / "backupwatch"

PURE = {"facts", "judge", "checks", "alerts", "wording", "view"}
"""Functions of what they are given: no I/O, no clock, no environment."""

FORBIDDEN_IN_PURE = {
    "asyncio", "glob", "http", "importlib.resources", "logging", "multiprocessing", "os", "pathlib", "random",
    "requests", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "structlog", "subprocess", "tempfile",
    "threading", "time", "urllib.request", "zoneinfo._common",
}  # fmt: skip

ROOMS: dict[str, set[str]] = {
    # room: the rooms of the package that it may use besides errors, text, clock and itself
    "facts": set(),
    "judge": {"facts", "checks", "wording"},
    "checks": {"facts", "judge", "wording"},
    "wording": {"facts", "judge", "checks", "alerts"},
    "alerts": {"facts", "judge", "wording"},
    "view": {"facts", "judge", "alerts", "wording", "store", "lookback"},
    "sources": {"facts", "paths", "settings", "log"},
    "setup": {"facts", "paths", "settings", "sources", "log"},
    "store": {"facts", "alerts", "paths"},
    "delivery": {"alerts", "paths", "log", "icons"},
    "settings": {"paths", "control", "store"},
    "service": {"paths", "notify_socket", "control", "log"},
    "simulator": {"facts", "settings", "paths"},
}

HEAVY = {"pymobiledevice3", "pyicloud", "requests", "pydantic", "rich", "typer", "desktop_notifier", "keyring"}
RESIDENT = (
    "daemon",
    "round",
    "asking",
    "control",
    "notify_socket",
    "zone",
    "store",
    "alerts",
    "judge",
    "checks",
    "facts",
)


def modules(room: str) -> Iterator[Path]:
    path = PACKAGE / room
    yield from sorted(path.rglob("*.py")) if path.is_dir() else [PACKAGE / f"{room}.py"]


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_uses_only_the_rooms_that_it_may(room: str) -> None:
    allowed = ROOMS[room] | {room, "errors", "text", "clock"}
    for path in modules(room):
        for name in imports(path):
            if name.startswith("backupwatch."):
                used = name.split(".")[1]
                if (PACKAGE / used).is_dir() or (PACKAGE / f"{used}.py").exists():
                    assert used in allowed, f"{path.relative_to(PACKAGE)} uses {name}"


@pytest.mark.parametrize("room", sorted(PURE))
def test_judging_and_deciding_never_reach_for_the_world(room: str) -> None:
    for path in modules(room):
        if path.name == "__init__.py" and room == "checks":
            continue  # lists its own folder
        bad = {name for name in imports(path) if name in FORBIDDEN_IN_PURE or name.split(".")[0] in FORBIDDEN_IN_PURE}
        assert not bad, f"{path.relative_to(PACKAGE)} uses {bad}"
        code = path.read_text("utf-8")
        for call in (".now(", "utc_now", ".today(", " open(", "environ", "print("):
            assert call not in code, f"{path.relative_to(PACKAGE)} calls {call}"


def test_nothing_resident_imports_what_is_heavy() -> None:
    """The daemon stays small: libraries that talk to phones, accounts and pages live in workers."""
    for room in RESIDENT:
        for path in modules(room):
            bad = {name for name in imports(path, top_level=True) if name.split(".")[0] in HEAVY}
            assert not bad, f"{path.relative_to(PACKAGE)} imports {bad}"


def test_only_the_workers_know_the_libraries_of_phones_and_accounts() -> None:
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        used = {name.split(".")[0] for name in imports(path)} & {"pymobiledevice3", "pyicloud"}
        assert not used or room in {"sources", "setup"}, f"{path.relative_to(PACKAGE)} uses {used}"


def test_the_product_never_knows_that_it_is_watching_a_play() -> None:
    """Nothing but the demo and the stories imports the simulator, so nothing can recognise it."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] == "simulator" or parts in {("story.py",), ("cli", "demo.py")}:
            continue
        bad = {name for name in imports(path) if name.startswith("backupwatch.simulator")}
        assert not bad, f"{path.relative_to(PACKAGE)} uses {bad}"
        assert "simulat" not in path.read_text("utf-8").replace("simulated iPhones", "") or parts == (
            "cli",
            "app.py",
        ), path


@pytest.mark.parametrize("word", ["except Exception: pass", "shell=True", "verify=False", "autopair=True"])
def test_some_words_stand_nowhere(word: str) -> None:
    for path in PACKAGE.rglob("*.py"):
        assert word not in path.read_text("utf-8"), path
