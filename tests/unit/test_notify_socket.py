"""What the service manager hears from the daemon."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backupwatch import notify_socket


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket, at a path."""
    with TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"{folder}/notify")
        channel.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        yield channel


def heard(channel: socket.socket) -> list[str]:
    return channel.recv(4096).decode().split("\n")


def test_ready_and_its_first_status_come_in_one_message(manager: socket.socket) -> None:
    """systemctl start returns with the status line already there."""
    assert notify_socket.ready("4 phones, 1 stale; next look 14:30")
    assert heard(manager) == ["READY=1", "STATUS=4 phones, 1 stale; next look 14:30"]


def test_every_word_is_the_protocols_own(manager: socket.socket) -> None:
    """Watchdog, stopping and reloading are said as sd_notify(3) has them."""
    notify_socket.watchdog()
    notify_socket.stopping()
    notify_socket.reloading()

    assert heard(manager) == ["WATCHDOG=1"]
    assert heard(manager) == ["STOPPING=1"]
    reloading, moment = heard(manager)
    assert reloading == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdigit()


def test_a_phones_name_cannot_smuggle_an_assignment(manager: socket.socket) -> None:
    """A line break in a status line does not begin another message."""
    notify_socket.status("Anna\nMAINPID=1\x1b[31m")

    assert heard(manager) == ["STATUS=Anna MAINPID=1"]


def test_an_abstract_socket_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers name a socket without a file."""
    name = f"backupwatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0{name}")
        channel.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify_socket.ready()
        assert heard(channel) == ["READY=1"]


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1234", "relative", "/" + "x" * 300])
def test_without_a_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a terminal, and with a manager that went away, the watch goes on."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify_socket.ready("hello") is False


@pytest.mark.parametrize(
    ("allowed", "owner", "interval"),
    [
        ("120000000", "me", 60.0),
        ("120000000", "", 60.0),
        ("120000000", "1", None),
        ("", "me", None),
        ("0", "me", None),
        ("soon", "me", None),
        ("-5", "me", None),
    ],
)
def test_the_heartbeat_is_half_of_what_is_allowed_and_only_ours(
    allowed: str, owner: str, interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker inherits the variables and must not answer for the daemon."""
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if owner == "me" else owner)
    assert notify_socket.watchdog_interval() == interval
