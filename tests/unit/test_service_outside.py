"""What a button starts is no part of the service: it is started by the user manager itself."""

from __future__ import annotations

import shutil

import pytest

from backupwatch.service.outside import outside

REPORT = ["/home/anna/$HOME/bin/python", "-m", "backupwatch", "report"]


def test_under_systemd_the_user_manager_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at the same places and on the same screen; what it leaves behind lives; dollars stay dollars."""
    monkeypatch.setattr(shutil, "which", lambda program, **_options: f"/usr/bin/{program}")
    environ = {"INVOCATION_ID": "1", "BACKUPWATCH_STATE_DIR": "/a b", "DISPLAY": ":7", "BROWSER": "", "SECRET": "x"}
    command = outside(REPORT, environ)
    options, words = command[: command.index("--")], command[command.index("--") + 1 :]
    assert options[:2] == ["systemd-run", "--user"]
    assert {"--wait", "--collect", "--property=KillMode=process"} <= set(options)
    assert [each for each in options if "setenv" in each] == [
        "--setenv=BACKUPWATCH_STATE_DIR=/a b",
        "--setenv=DISPLAY=:7",
    ]
    assert [word.replace("$$", "$") for word in words] == ["/bin/sh", "-c", 'exec "$0" "$@"', *REPORT]
    assert "$" not in "".join(words).replace("$$", "")


@pytest.mark.parametrize(("environ", "there"), [({}, True), ({"NOTIFY_SOCKET": "/run/notify"}, False)])
def test_elsewhere_it_is_started_directly(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], there: bool
) -> None:
    """From a terminal or launchd, or where systemd-run is not installed."""
    monkeypatch.setattr(shutil, "which", lambda program, **_options: f"/usr/bin/{program}" if there else None)
    assert outside(REPORT, environ) == REPORT
