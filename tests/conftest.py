"""What every test gets: a state folder of its own, and no way to the person's real configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")  # how long an example takes says how busy the machine is, not what is right


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the state, the configuration or the usbmuxd of the person who runs it."""
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BACKUPWATCH_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", str(tmp_path / "no-usbmuxd"))
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What one test does to logging is no other test's affair."""
    loggers = [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    before = [(one, one.level, one.propagate, one.disabled, list(one.handlers), list(one.filters)) for one in loggers]
    settings = structlog.get_config() if structlog.is_configured() else None
    yield
    known = {one.name for one in loggers}
    for name in list(logging.root.manager.loggerDict):
        if name not in known:
            logging.getLogger(name).setLevel(logging.NOTSET)
    for one, level, propagate, disabled, handlers, filters in before:
        one.setLevel(level)
        one.propagate, one.disabled = propagate, disabled
        one.handlers[:], one.filters[:] = handlers, filters
    structlog.reset_defaults()
    if settings is not None:
        structlog.configure(**settings)
