"""Logs tell what happened and never a secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from backupwatch import log
from backupwatch.log import Secret, redact

UDID = "00008140-001C2D3E4F50BEEF"
OLD_UDID = "8f3c0b9a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
PLANTED = {
    "udid": UDID,
    "old udid": OLD_UDID,
    "apple id": "anna.secret+1@example.com",
    "apple id in an address": "anna.secret%40example.com",
    "mac": "a4:83:e7:1b:22:0c",
    "phone": "+49 170 1234567",
    "american phone": "(415) 555-0134",
    "serial": "F2LX9K3QN73H",
    "imei": "353012345678901",
    "iccid": "8949012345678901234",
    "web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3cr3t-signature",
    "opaque token": "v=1:t=CQ==BST_IAAAAAAABLwIAAAAAGe4Qk0RDmdzLmljbG91ZC5hdXRovQDxyz9",
    "host id": "5B2A1C7E-9F11-4D0C-8E21-77A0B3C4D5E6",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
}
TELLING = {
    "udid": "001C2D3E",
    "old udid": "7d6e5f4a",
    "apple id": "anna.s",
    "apple id in an address": "anna.s",
    "web token": "s3cr3t",
    "opaque token": "BST_IAAAA",
    "host id": "9F11",
    "private key": "MIIEow",
}


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)


def _configured(*, as_json: bool, level: str = "info") -> io.StringIO:
    out = io.StringIO()
    logging.getLogger().handlers.clear()  # pytest's own would raise where ours writes a line
    log.configure(level=level, json=as_json, stream=out)
    return out


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "human"])
@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_never_reaches_a_log(what: str, as_json: bool) -> None:
    """Wherever a secret hides (event, value, nested value, exception, library's record), the log does not show it."""
    out, secret = _configured(as_json=as_json), PLANTED[what]
    ours, theirs = structlog.stdlib.get_logger("backupwatch.test"), logging.getLogger("pymobiledevice3.lockdown")
    ours.warning(f"it says {secret} here", value=secret, nested={"list": [{"deep": f"<{secret}>"}]})
    theirs.warning("library says %s", secret)
    try:
        raise RuntimeError(f"failed for {secret}")
    except RuntimeError as error:
        ours.exception("ours", error=error)
        theirs.exception("theirs")
    shown = out.getvalue()
    assert shown.count("RuntimeError") >= 2
    assert "library says" in shown
    assert secret not in shown
    assert TELLING.get(what, secret) not in shown


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "human"])
@pytest.mark.parametrize(
    "key",
    [
        "password",
        "token",
        "secret",
        "cookie",
        "cookies",
        "session",
        "code",
        "pair_record",
        "apple_id",
        "security_code",
        "HostPrivateKey",
        "X-Apple-Session-Token",
        "private_key",
        "phone_number",
        "serial",
        "imei",
        "trustToken",
    ],
)
def test_a_value_under_a_telling_name_is_hidden(key: str, as_json: bool) -> None:
    """A value whose name says that it is secret is hidden, whatever it looks like."""
    out = _configured(as_json=as_json)
    structlog.stdlib.get_logger("x").info("hello", **{key: "hunter2"}, more={key: ["hunter2"]})
    assert "hello" in out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "password=hunter2",
        "{'accountName': 'x', 'password': 'hunter2 two'}",
        '{"trustTokens": "hunter2"}',
        "POST /x?dsid=hunter2&y=1",
        "Set-Cookie: X-APPLE-WEBAUTH=hunter2; a=hunter2",
        "Authorization: Basic hunter2hunter2",
        "sent Bearer hunter2hunter2",
        "EscrowBag=b'hunter2'",
    ],
)
def test_secrets_inside_a_librarys_sentence_are_hidden(line: str) -> None:
    """A library that prints a request or a plist does not give its secrets away."""
    out = _configured(as_json=True)
    logging.getLogger("somelib").warning(line)
    assert "hunter2" not in out.getvalue()


def test_what_helps_is_kept() -> None:
    """The last four characters of a UDID, versions, models, paths, times and exit codes stay readable."""
    out = _configured(as_json=True)
    structlog.stdlib.get_logger("x").info(
        "looked",
        udid=UDID,
        other=f"phone {OLD_UDID}",
        apple_id="anna@example.com",
        model="iPhone17,1",
        version="26.1",
        build="23B85",
        exit_code=3,
        at="2026-11-22T14:05:00Z",
        path="/home/anna/.local/state/backupwatch/watch.sqlite3",
        took_s=1.5,
        bytes=5_368_709_120,
        none=None,
    )
    entry = json.loads(out.getvalue())
    assert entry["udid"] == "…BEEF"
    assert entry["other"] == "phone …3f2a"
    assert entry["apple_id"] == "a•••@example.com"
    assert (entry["model"], entry["version"], entry["build"]) == ("iPhone17,1", "26.1", "23B85")
    assert (entry["exit_code"], entry["took_s"], entry["bytes"], entry["none"]) == (3, 1.5, 5_368_709_120, None)
    assert entry["at"] == "2026-11-22T14:05:00Z"
    assert entry["path"] == "/home/anna/.local/state/backupwatch/watch.sqlite3"
    assert (entry["level"], entry["logger"], entry["event"]) == ("info", "x", "looked")
    assert entry["timestamp"].endswith("Z")


def test_a_wrapped_secret_shows_itself_to_nobody() -> None:
    """A password that was wrapped is in no repr, no format and no log line, even when a library quotes it plainly."""
    secret = Secret("correct horse")
    assert f"{secret} {secret!r} {secret:>20} {[secret]}".count("•••") == 4
    assert secret.reveal() == "correct horse"
    out = _configured(as_json=False)
    logging.getLogger("lib").error("the user typed correct horse, and it failed")
    structlog.stdlib.get_logger("x").error("typed", it=secret)
    assert "correct horse" not in out.getvalue()


def test_a_terminal_cannot_be_steered_by_a_log() -> None:
    """Escape codes and forged lines in a phone's name stay without effect on a terminal."""
    out = _configured(as_json=False)
    evil = "Anna\x1b[2J\x1b]0;owned\x07\r\n2026-11-22T00:00:00Z [info] all is well\u202e"
    structlog.stdlib.get_logger("x").warning(evil, name=evil)
    logging.getLogger("lib").warning(evil)
    try:
        raise ValueError(evil)
    except ValueError:
        structlog.stdlib.get_logger("x").exception("oh")
    shown = out.getvalue()
    assert all(char == "\n" or (char.isprintable() and char != "\u202e") for char in shown)
    assert not any(line.startswith("2026-11-22T00:00:00Z") for line in shown.splitlines())


def test_json_logs_are_one_document_a_line() -> None:
    """Every line is one JSON document, also with tracebacks and line breaks in it."""
    out = _configured(as_json=True)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.stdlib.get_logger("x").exception("a\nb", data=b"\x00\x01", odd=object, deep={"a": {"b": {1: {2}}}})
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    entry = json.loads(lines[0])
    assert entry["data"] == "<2 bytes>"
    assert "Traceback" in entry["exception"]


@pytest.mark.parametrize("name", ["pymobiledevice3.lockdown", "pyicloud", "urllib3.connectionpool"])
def test_libraries_that_print_secrets_when_talkative_are_held_to_warnings(name: str) -> None:
    """Even at debug, and even when the library lowers its own level."""
    out = _configured(as_json=True, level="debug")
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.info("chatter")
    logger.warning("worth saying")
    logger.setLevel(before)
    assert "chatter" not in out.getvalue()
    assert "worth saying" in out.getvalue()


def test_the_level_is_kept_and_can_change() -> None:
    """A second call replaces the first, and nothing is written twice."""
    first = _configured(as_json=True, level="debug")
    logger = structlog.stdlib.get_logger("x")
    logger.debug("one")
    second = _configured(as_json=True, level="warning")
    logger.info("two")
    logger.warning("three")
    assert "one" in first.getvalue()
    assert "three" not in first.getvalue()
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["three"]
    with pytest.raises(ValueError, match="no such log level"):
        log.configure(level="loud")


def test_a_terminal_gets_words_and_a_pipe_gets_json() -> None:
    """Left to itself the log looks at where it goes."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, wanted in ((io.StringIO(), True), (Terminal(), False)):
        log.configure(stream=stream)
        structlog.stdlib.get_logger("x").info("hello")
        assert stream.getvalue().startswith("{") is wanted


def test_a_broken_log_call_does_not_print_its_arguments() -> None:
    """A library's wrong format string costs one line, not a dump of what it held."""
    out = _configured(as_json=True)
    logging.getLogger("lib").warning("%d", "hunter2")
    assert "hunter2" not in out.getvalue()
    assert "could not be written" in out.getvalue()


@given(
    st.recursive(
        st.text() | st.binary() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
@settings(max_examples=60)
def test_anything_can_be_logged(value: object) -> None:
    """No value breaks the log, and a terminal line stays one line."""
    for one_line in (True, False):
        event = redact(None, "info", {"event": "x", "value": value}, one_line=one_line)
        assert "\x1b" not in json.dumps(event, ensure_ascii=False)


def test_the_resident_process_does_not_pay_for_rich() -> None:
    """Importing and using the log loads no rich."""
    code = "import backupwatch.log as l, sys; l.configure(json=False); import structlog; structlog.get_logger().info('x'); assert not any(m.split('.')[0]=='rich' for m in sys.modules); import rich"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_log_that_launchd_appends_to_does_not_grow_for_years(tmp_path: Path) -> None:
    """It is begun anew, the older lines stand beside it, and nobody's own log file is touched."""
    file, own = tmp_path / "daemon.log", tmp_path / "own.log"
    script = "import pathlib, sys; from backupwatch import log; log.keep_short(pathlib.Path(sys.argv[1]), 100); "
    for mine, expected in ((file, "said\n"), (own, "x" * 200 + "said\n")):
        mine.write_text("x" * 200)
        with mine.open("a") as errors:
            command = [sys.executable, "-c", script + "print('said', file=sys.stderr)", str(file)]
            subprocess.run(command, stderr=errors, check=True)
        assert mine.read_text() == expected
    assert (tmp_path / "daemon.log.1").read_text() == "x" * 200
