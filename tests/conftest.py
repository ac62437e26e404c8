"""What every test gets: a state folder of its own, and no way to the person's real configuration."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the state, the configuration or the usbmuxd of the person who runs it."""
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BACKUPWATCH_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", str(tmp_path / "no-usbmuxd"))
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)
