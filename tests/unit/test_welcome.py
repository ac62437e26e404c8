"""What a newcomer is told: what was found, and the one thing to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupwatch.cli import welcome
from backupwatch.cli.welcome import Found, described, numbered, steps
from backupwatch.errors import BackupwatchError


def test_on_a_new_machine_the_person_is_led_in_order() -> None:
    """Pair, then the account, then the service."""
    todo = steps(Found())
    assert [
        word for line in todo for word in ("pair", "login", "service install") if f"backupwatch {word}" in line
    ] == [
        "pair",
        "login",
        "service install",
    ]
    assert described(Found()) == ["Found: no iPhone yet."]


def test_what_is_done_is_not_asked_for_again() -> None:
    """A complete machine has no next step, and hears how to see the phones."""
    done = Found(paired=("Anna's iPhone",), account=True, service="running")
    assert numbered(steps(done)) == ["Everything is set up."]
    assert "backupwatch status" in " ".join(described(done))


def test_a_connected_phone_that_is_not_paired_comes_first() -> None:
    """It is named, and pairing is the first step."""
    found = Found(strangers=("Ben's iPhone",), account=True, service="running")
    assert "Ben's iPhone" in described(found)[0]
    assert numbered(steps(found)) == ["Next: Unlock the iPhone and run: backupwatch pair"]


@pytest.mark.parametrize(("service", "words"), [("stopped", "service start"), ("impossible", "backupwatch run")])
def test_the_service_step_fits_the_machine(service: str, words: str) -> None:
    """Installed but stopped, and where there is no login service."""
    assert words in steps(Found(paired=("A",), account=True, service=service))[0]


def test_trouble_is_told_first_with_its_cure() -> None:
    """Without usbmuxd, pairing would fail, so the doctor comes first."""
    found = Found(trouble=BackupwatchError("No usbmuxd is running on this computer", fix="Run: backupwatch doctor"))
    assert described(found)[0].startswith("Trouble: No usbmuxd")
    assert steps(found)[0] == "Run: backupwatch doctor"


def test_a_phone_that_took_its_trust_back_is_told_once_and_as_it_is() -> None:
    """Neither paired nor a stranger; to pair it again is the step."""
    found = Found(paired=("Anna's iPhone",), lost=("Ben's iPhone",), account=True, service="running")
    assert described(found)[:2] == [
        "Found: Anna's iPhone, paired with this computer.",
        "Found: Ben's iPhone, which no longer trusts this computer.",
    ]
    assert "backupwatch pair" in numbered(steps(found))[0]


def test_a_broken_configuration_and_no_usbmuxd_are_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even the worst machine gets a greeting, a reason and a step."""
    (tmp_path / "config.toml").write_text("this is no toml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", str(tmp_path / "nothing"))

    assert welcome.welcome(tmp_path / "config.toml") == 0

    said = capsys.readouterr().out
    assert "Trouble" in said
    assert "config.toml" in said
    assert "config check" in said
    assert "Traceback" not in said
    assert "usbmuxd" not in said  # the defaults might look where the person forbade it
    assert "login" not in said
    assert all(len(line) <= 100 or len(max(line.split(), key=len)) > 60 for line in said.splitlines())
    assert not (tmp_path / "state").exists()
