"""Reports made from real stores, each opened once in a real Chromium by ``look.mjs``; the tests read what was seen."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from nasty import nasty_names
from seeing import Seen, look, packages
from years import years

from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation, phone
from backupwatch.store import open_store

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; where CI has promised one, its lack is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None or shutil.which("npm") is None or not packages():
        if os.environ.get("CI"):
            pytest.fail("Chromium, node or the packages of tests/browser are missing")
        pytest.skip("needs Chromium, node, and the packages of tests/browser (npm ci)")
    return found


@pytest.fixture(scope="session")
def family(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Four phones, watched for two years, with sixty alerts."""
    folder = tmp_path_factory.mktemp("family")
    years(folder / "state" / "watch.sqlite3", phones=4, days=731, now=datetime.now(UTC), batteries=False).close()
    return look(chromium, folder, "family", device="Ben's")


@pytest.fixture(scope="session")
def nasty(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Phones whose names try to break things, all of them without a backup for eight days."""
    folder = tmp_path_factory.mktemp("nasty")
    now = datetime.now(UTC)
    store = open_store(folder / "state" / "watch.sqlite3", now)
    made = (now - 8 * DAY).isoformat()
    for place, name in enumerate(nasty_names()):
        who = phone(f"00008140-{place:016X}")
        for kind, value in ((kinds.NAME, name), (kinds.LAST_CLOUD_BACKUP, made), (kinds.MODEL, "<i>iPhone</i>")):
            store.append([Observation(who, kind, value, now - days * DAY, "iphone") for days in (8, 4, 0)])
    store.close()
    return look(chromium, folder, "nasty")
