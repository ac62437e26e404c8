"""``devices``: what is said when a way to the phones is closed."""

from __future__ import annotations

from typing import Any

import pytest
from view_kit import PHONES, ROOT, remembered

from backupwatch import round as rounds
from backupwatch.cli import devices
from backupwatch.clock import utc_now
from backupwatch.facts.observation import HOST, Blind, BlindReason


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> list[Blind]:
    """What this computer's look will not have seen."""
    met: list[Blind] = []

    async def look(watch: rounds.Watch, *_sources: Any, **_options: Any) -> dict[str, Any]:
        watch.store.append(met)
        return {}

    monkeypatch.setattr(rounds, "look", look)
    return met


def test_a_network_that_cannot_be_searched_is_no_missing_usbmuxd(
    blind: list[Blind], capsys: pytest.CaptureFixture[str]
) -> None:
    """The phones on the cable are listed; nobody is told to install what is there."""
    remembered(Anna=0.5).close()
    sentence = "The local network could not be searched for phones"
    blind.append(Blind(HOST, "iphone:wifi-browse", BlindReason.NETWORK, sentence, utc_now()))
    assert devices.run(ROOT, as_json=False) == 0
    said = capsys.readouterr()
    assert PHONES["Anna"] in said.out
    assert said.err == f"{sentence}.\n"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (BlindReason.NO_USBMUXD, "install it"),
        (BlindReason.USBMUXD_BROKEN, "sudo systemctl restart usbmuxd"),
        (BlindReason.PERMISSION, "readable and writable for you"),
        (BlindReason.CRASHED, "Run the command again"),
    ],
)
def test_each_trouble_with_usbmuxd_is_told_with_its_own_cure(
    blind: list[Blind],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    reason: BlindReason,
    words: str,
) -> None:
    """To install what is only closed or confused would help nobody."""
    monkeypatch.setattr("sys.platform", "linux")
    blind.append(Blind(HOST, "iphone", reason, "It did not work", utc_now()))
    assert devices.run(ROOT, as_json=False) == 1
    said = capsys.readouterr().err
    assert said.startswith("It did not work. ")
    assert words in said
    assert ("nstall" in said) is (reason is BlindReason.NO_USBMUXD)
