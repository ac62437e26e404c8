"""Signing in: one password per request of the person, and never a lost session."""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import logging
import os
import pty
import re
import resource
import select
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
import pytest_asyncio
from keyring.backends import fail
from pyicloud.exceptions import PyiCloudTrustedDeviceVerificationException
from tests.story.login_keyring import FileKeyring
from tests.wire.icloud_kit import ANNA, PASSWORD, Cloud, Spoken, cloud_at

from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.settings.edit import set_value
from backupwatch.setup.login import sign_out, six_digits
from backupwatch.simulator.icloud_srp import Handshake
from backupwatch.sources.icloud_client import Client
from backupwatch.sources.looker import Looker

ROOT = Path(__file__).parents[2]
CODE = "123456"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def looker() -> AsyncIterator[Looker]:
    """One worker process for the whole module."""
    looker = Looker(keep=True)
    yield looker
    await looker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def cloud(tmp_path: Path, looker: Looker) -> AsyncIterator[Cloud]:
    async with cloud_at(tmp_path / "state", looker) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def no_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody's real keyring is ever asked."""
    monkeypatch.setenv("BW_TEST_KEYRING", str(tmp_path / "keyring.json"))
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


async def signed_in(person: Spoken) -> Any:
    """The person's sign-in, in a thread, so that the actor can answer."""
    return await asyncio.to_thread(person)


async def refused(person: Spoken) -> str:
    """The one line with which a sign-in ended."""
    with pytest.raises(BackupwatchError) as failure:
        await signed_in(person)
    line = failure.value.line()
    assert "\n" not in line
    return line


# -- it works --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123-456", "１２３４５６"])
@pytest.mark.parametrize("protocol", ["s2k", "s2k_fo"])
async def test_password_and_code_make_a_session_that_lasts(cloud: Cloud, typed: str, protocol: str) -> None:
    """One password and one code, however it is typed, and every later look needs neither."""
    cloud.account["protocol"] = protocol
    done = await signed_in(cloud.sign_in(typed))
    assert done.quota == (5_368_709_120, 3_221_225_472)
    assert (cloud.actor.sign_ins, cloud.actor.prompts) == (1, 1)
    seen = await cloud.look()
    assert seen.value(kinds.ACCOUNT_STATE) == "ok"
    assert seen.value(kinds.SIGNED_IN_AT) == "2026-11-22T14:05:00Z"
    assert (cloud.actor.sign_ins, cloud.actor.prompts) == (1, 1)
    assert stat.S_IMODE(cloud.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in cloud.folder.iterdir()} == {0o600}
    assert sorted(file.name for file in cloud.state.iterdir()) == ["account", "account.lock"]


async def test_a_salt_that_begins_with_a_zero_is_no_wrong_password(cloud: Cloud) -> None:
    """One account in 256 has one, and Apple counts each wrong password."""
    names = (f"anna{number}@example.com" for number in itertools.count())
    unlucky = next(name for name in names if Handshake(name, PASSWORD, "s2k", b"").salt[0] == 0)
    cloud.account["apple_id"] = unlucky
    await asyncio.to_thread(lambda: cloud.sign_in(CODE)(unlucky))
    assert cloud.actor.sign_ins == 1


async def test_a_text_message_can_be_asked_for(cloud: Cloud) -> None:
    """Where no device shows the code, typing sms brings a text message."""
    person = cloud.sign_in("sms", CODE)
    await signed_in(person)
    assert cloud.actor.count("sms") == 1
    assert "Apple sent a code by text message." in person.said


async def test_an_account_with_text_messages_only(cloud: Cloud) -> None:
    """Where Apple knows only a phone number, the message is sent at once, and once."""
    cloud.account["two_factor"] = "sms"
    await signed_in(cloud.sign_in(CODE))
    assert (cloud.actor.sign_ins, cloud.actor.prompts) == (1, 1)


async def test_an_account_without_two_factor(cloud: Cloud) -> None:
    """Without two-factor no code is asked for, and the person is told what that means."""
    cloud.account["two_factor"] = "none"
    done = await signed_in(cloud.sign_in())
    assert "no two-factor" in done.notes[0]


async def test_a_mistyped_code_may_be_typed_again(cloud: Cloud) -> None:
    """A typo in the code costs no second password."""
    person = cloud.sign_in("12345", "000000", CODE)
    await signed_in(person)
    assert "A code has six digits." in person.said
    assert any("did not accept that code" in line for line in person.said)
    assert (cloud.actor.sign_ins, cloud.actor.count("code")) == (1, 2)


async def test_a_code_that_the_device_denies_may_be_typed_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the push channel that only Apple's own servers have, a wrong code brings a new one, not a new password."""
    real = Client.validate_2fa_code
    answers = [PyiCloudTrustedDeviceVerificationException("PLANTED")]

    def validate(self: Client, code: str) -> bool:
        if answers:
            raise answers.pop()
        return bool(real(self, code))

    monkeypatch.setattr(Client, "validate_2fa_code", validate)
    monkeypatch.setattr(Client, "bridged", property(lambda self: bool(answers)))
    person = cloud.sign_in("000000", CODE)
    await signed_in(person)
    assert "For a new code, type sms for a text message." in person.said
    assert "PLANTED" not in "".join(person.said)
    assert cloud.actor.sign_ins == 1


async def test_a_second_sign_in_asks_for_no_code(cloud: Cloud) -> None:
    """Apple trusts this computer already, so a later sign-in prompts nobody's phone."""
    await signed_in(cloud.sign_in(CODE))
    cloud.account["backup"] = 1_300_000_000
    await cloud.look()
    await signed_in(cloud.sign_in())
    assert cloud.actor.prompts == 1


async def test_terms_are_told_and_never_accepted(cloud: Cloud) -> None:
    """New terms are left to the person; the sign-in stays and works once they are accepted."""
    cloud.account["state"] = "terms"
    done = await signed_in(cloud.sign_in(CODE))
    assert "does not accept them for you" in done.notes[0]
    assert {asked.path.rsplit("/", 1)[-1] for asked in cloud.actor.requests}.isdisjoint({"getTerms", "repairDone"})
    cloud.account["state"] = "ok"
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"
    assert cloud.actor.sign_ins == 1


async def test_web_access_off_is_explained(cloud: Cloud) -> None:
    """With Advanced Data Protection the person hears what works, what does not, and which switch it is."""
    cloud.account["state"] = "web-access-off"
    done = await signed_in(cloud.sign_in(CODE))
    assert "phones are watched all the same" in done.notes[0]
    assert "Access iCloud Data on the Web" in done.notes[0]


async def test_signing_in_ends_the_silence(cloud: Cloud) -> None:
    """After a refusal, the sign-in of the person is what lets the looks go on."""
    await signed_in(cloud.sign_in(CODE))
    cloud.account["state"] = "revoked"
    assert (await cloud.look()).reason == "sign-in"
    await signed_in(cloud.sign_in(CODE))
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


# -- it does not work ------------------------------------------------------------------------------------------------


async def test_a_wrong_password_is_sent_once_and_never_again(cloud: Cloud) -> None:
    """One wrong password is one attempt at Apple's, however many days, rounds and restarts follow.

    Even where the keyring offers one to whoever asks: the session is revoked, and the password was changed elsewhere.
    """
    keyring.set_keyring(FileKeyring())
    await signed_in(cloud.sign_in(CODE, keep=True))
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"
    FileKeyring().set_password("pyicloud://icloud-password", ANNA, "PLANTED-wrong")  # where the library itself looks
    cloud.account |= {"state": "revoked", "password": "changed on the phone"}
    assert PASSWORD in FileKeyring().file.read_text()
    FileKeyring().asked.unlink(missing_ok=True)
    environment = {
        "PYTHON_KEYRING_BACKEND": "tests.story.login_keyring.FileKeyring", "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    async def days_pass() -> None:
        for _ in range(3):
            cloud.later(days=1, hours=4)
            assert (await cloud.look(looker=Looker(environment=environment))).reason == "sign-in"

    await days_pass()
    assert cloud.actor.sign_ins == 1, "the person's own sign-in, and no other"
    assert not FileKeyring().asked.exists()

    line = await refused(cloud.sign_in())
    assert "did not accept this Apple Account or password" in line
    assert "PLANTED" not in line
    assert PASSWORD not in FileKeyring().file.read_text()
    FileKeyring().asked.unlink()
    await days_pass()
    assert cloud.actor.sign_ins == 2
    assert not FileKeyring().asked.exists()


REFUSALS: list[tuple[dict[str, Any], list[str], str]] = [
    ({"state": "locked"}, [], "https://iforgot.apple.com"),
    ({"china": True}, [CODE], "config set account.china_mainland true"),
    ({"two_factor": "key"}, [], "security key (Anna's blue key)"),
    ({"trusts": False}, [CODE], "did not trust this computer"),
    ({"code_expired": True}, [CODE] * 5, "for a new code"),
    ({"code": "654321"}, [CODE] * 5, "did not accept the code"),
    ({}, [""], "No code was given"),
    ({"faults": {"signin": 503}}, [], "password was not sent"),
    ({"faults": {"signin": "portal"}}, [], "sign-in page of this network"),
    ({"faults": {"init": "html"}}, [], "web page in place of data"),
    ({"faults": {"complete": 503}}, [], "sent once and is not sent again"),
    ({"faults": {"complete": {"status": 412, "body": "json"}}}, [], "https://account.apple.com"),
    ({"faults": {"complete": "reset"}}, [], "connection to Apple's servers was cut"),
    ({"faults": {"complete": {"status": 429, "retry_after": 3600}}}, [], "in about 60 minutes"),
    ({"faults": {"setup": 503}}, [CODE], "servers have trouble"),
    ({"faults": {"login": "cut-json"}}, [CODE], "cannot be read"),
    ({"faults": {"code": 503}}, [CODE], "servers have trouble"),
    ({"faults": {"trust": "close"}}, [CODE], "was cut"),
]


@pytest.mark.parametrize(("account", "codes", "words"), REFUSALS, ids=[words[:24] for _, _, words in REFUSALS])
async def test_every_refusal_is_one_line_and_keeps_the_old_session(
    cloud: Cloud, account: dict[str, Any], codes: list[str], words: str
) -> None:
    """Whatever goes wrong: one line with what to do, at most one password sent, the old sign-in untouched."""
    cloud.actor.signed_in(cloud.state)
    for file in cloud.folder.glob("*.session"):  # its trust would spare the code
        data = json.loads(file.read_text())
        del data["trust_token"]
        file.write_text(json.dumps(data))
    before = {file.name: file.read_bytes() for file in cloud.folder.iterdir()}
    cloud.account |= account
    line = await refused(cloud.sign_in(*codes))
    assert words in line
    assert cloud.actor.sign_ins <= 1
    assert cloud.actor.prompts <= 1
    assert "PLANTED" not in line
    assert PASSWORD not in line
    assert {file.name: file.read_bytes() for file in cloud.folder.iterdir()} == before
    assert [file.name for file in cloud.state.iterdir()] == ["account"]
    cloud.account |= {"state": "ok", "faults": {}, "china": False}
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_the_prompt_that_got_lost_costs_no_second_password(cloud: Cloud) -> None:
    """When only the page about the code fails, the code from a device still finishes the sign-in."""
    cloud.account["faults"] = {"options": 503}
    await signed_in(cloud.sign_in(CODE))
    assert cloud.actor.sign_ins == 1


async def test_a_full_disk_is_noticed_before_the_password_is_asked(cloud: Cloud) -> None:
    """Where nothing can be written, nothing is sent."""
    cloud.state.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        person = cloud.sign_in(CODE)
        line = await refused(person)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be saved" in line
    assert (person.said, cloud.actor.requests, list(cloud.state.iterdir())) == ([], [], [])


async def test_a_disk_that_fills_up_while_the_password_is_typed_sends_nothing(cloud: Cloud) -> None:
    """The old sign-in still stands, and the person is told what is full."""
    cloud.actor.signed_in(cloud.state)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    person = cloud.sign_in(CODE)

    def fill(_prompt: str) -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
        return PASSWORD

    person._secret = fill  # type: ignore[method-assign]
    try:
        line = await refused(person)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be saved" in line
    assert cloud.actor.requests == []
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_a_swap_that_fails_puts_the_old_session_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the very last step fails, the old session stands where it stood."""
    cloud.actor.signed_in(cloud.state)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if ".new-" in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    assert "previous sign-in" in await refused(cloud.sign_in(CODE))
    monkeypatch.undo()
    assert [file.name for file in cloud.state.iterdir() if file.is_dir()] == ["account"]
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_a_state_folder_that_cannot_be_made_is_said(cloud: Cloud) -> None:
    """A file where the folder should be is one line, not a traceback."""
    cloud.state.write_text("in the way")
    assert "cannot be made" in await refused(cloud.sign_in(CODE))
    assert cloud.actor.requests == []


@pytest.mark.parametrize("codes", [[CODE], ["000000"] * 3])
async def test_no_secret_reaches_a_log_or_a_traceback(
    cloud: Cloud, codes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger wide open, and in the traceback of a failure: no password, code, token or account."""
    caplog.set_level(logging.DEBUG)
    shown = ""
    try:
        await signed_in(cloud.sign_in(*codes))
    except BackupwatchError as error:
        shown = "".join(traceback.format_exception(error))
    shown += "\n".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    assert "/setup/ws/1/" in shown or "securitycode" in shown, "the loggers must have been listening"
    for secret in (PASSWORD, ANNA, CODE, "000000", "PLANTED", *cloud.actor.secrets):
        assert secret not in shown


# -- the keyring -----------------------------------------------------------------------------------------------------


async def test_the_password_is_kept_only_on_a_clear_yes(cloud: Cloud) -> None:
    """Kept on yes, used for the next sign-in the person starts, gone after logout; never used by a look."""
    keyring.set_keyring(FileKeyring())
    vault = FileKeyring().file
    await signed_in(cloud.sign_in(CODE))
    assert not vault.exists()
    done = await signed_in(cloud.sign_in(keep=True))
    assert done.kept_password
    assert PASSWORD in vault.read_text()
    assert PASSWORD not in "".join(file.read_text() for file in cloud.folder.iterdir())
    sign_ins = cloud.actor.sign_ins
    cloud.account["state"] = "revoked"
    await cloud.look()
    assert cloud.actor.sign_ins == sign_ins
    person = cloud.sign_in(CODE, password="")
    await signed_in(person)
    assert "Using the password from the keyring." in person.said
    assert cloud.actor.sign_ins == sign_ins + 1
    await asyncio.to_thread(lambda: sign_out(ANNA, state=cloud.state, base_url=cloud.actor.base_url))
    assert PASSWORD not in vault.read_text()


async def test_a_kept_password_that_is_refused_is_not_sent_again(cloud: Cloud) -> None:
    """A password that became wrong leaves the keyring, so that the next sign-in asks for the new one."""
    keyring.set_keyring(FileKeyring())
    await signed_in(cloud.sign_in(CODE, keep=True))
    cloud.account["password"] = "changed on the phone"
    await refused(cloud.sign_in())
    assert cloud.actor.sign_ins == 2
    await signed_in(cloud.sign_in(CODE, password="changed on the phone"))
    assert cloud.actor.sign_ins == 3


async def test_another_account_takes_the_kept_password_of_the_first_along(cloud: Cloud) -> None:
    """Nobody would ever think of removing it later."""
    keyring.set_keyring(FileKeyring())
    await signed_in(cloud.sign_in(CODE, keep=True))
    cloud.account["apple_id"] = "ben@example.com"
    await asyncio.to_thread(lambda: cloud.sign_in(CODE)("ben@example.com"))
    assert PASSWORD not in FileKeyring().file.read_text()


async def test_a_keyring_that_keeps_no_secret_is_refused_by_name(cloud: Cloud) -> None:
    """A keyring in plain text is named and not offered."""
    from keyrings.alt.file import PlaintextKeyring

    keyring.set_keyring(PlaintextKeyring())
    person = cloud.sign_in(CODE, keep=True)
    done = await signed_in(person)
    assert not done.kept_password
    assert person.questions == []
    assert any("keyrings.alt.file.PlaintextKeyring" in line for line in person.said)


# -- signing out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "told"), [("none", True), (503, False), ("close", False)])
async def test_signing_out_leaves_nothing(cloud: Cloud, fault: Any, told: bool) -> None:
    """Session, cookies and notes are gone, whether or not Apple could be told."""
    await signed_in(cloud.sign_in(CODE))
    (cloud.state / "account.new-dead").mkdir()
    cloud.account["faults"] = {"all": fault}
    answer = await asyncio.to_thread(lambda: sign_out(ANNA, state=cloud.state, base_url=cloud.actor.base_url))
    assert (answer.told, answer.password_left) == (told, False)
    assert [file.name for file in cloud.state.iterdir()] == ["account.lock"]
    cloud.account["faults"] = {}
    assert (await cloud.look()).reason == "sign-in"


async def test_a_keyring_that_does_not_open_stops_neither_sign_in_nor_sign_out(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its errors are of its own family; that the password is still there is said."""

    class Locked(Exception):  # noqa: N818 - as the desktop's own library calls it
        pass

    def locked(*_: object) -> None:
        raise Locked

    keyring.set_keyring(FileKeyring())
    await signed_in(cloud.sign_in(CODE, keep=True))
    monkeypatch.setattr(FileKeyring, "delete_password", locked)
    answer = await asyncio.to_thread(lambda: sign_out(ANNA, state=cloud.state, base_url=cloud.actor.base_url))
    assert answer.password_left
    monkeypatch.setattr(FileKeyring, "set_password", locked)
    person = cloud.sign_in(CODE, keep=True)
    assert not (await signed_in(person)).kept_password
    assert "The keyring did not take the password; it is not kept." in person.said


# -- at a real terminal ----------------------------------------------------------------------------------------------


TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes the pseudo-terminal the one that Ctrl-C and /dev/tty belong to, as a terminal window does."""


class Terminal:
    """``backupwatch`` in a pseudo-terminal."""

    def __init__(self, cloud: Cloud, tmp_path: Path, *arguments: str) -> None:
        config = tmp_path / "config.toml"
        config.write_text(f'[advanced]\nicloud = "{cloud.actor.base_url}"\n')
        self.environment = {
            **os.environ,
            "BACKUPWATCH_CONFIG": str(config),
            "BACKUPWATCH_STATE_DIR": str(cloud.state),
            "PYTHON_KEYRING_BACKEND": "tests.story.login_keyring.FileKeyring",
            "PYTHONPATH": str(ROOT),
        }
        self.command = [sys.executable, "-m", "backupwatch", *arguments]
        self.shown = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1

    def start(self) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *self.command], stdin=slave, stdout=slave, stderr=slave, env=self.environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def until(self, words: str, seconds: float = 60) -> None:
        """Read until these words were shown."""
        end = time.monotonic() + seconds
        while words not in self.shown:
            if not select.select([self._master], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"{words!r} never came: {self.shown}")
            try:
                self.shown += os.read(self._master, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended before {words!r}: {self.shown}") from None

    def start_and_type_password(self) -> None:
        """Up to the question for the code; the echo is off before the password is asked for."""
        self.start()
        self.until("Apple Account")
        self.type(f"{ANNA}\n")
        self.until("not shown")
        self.type(f"{PASSWORD}\n")
        self.until("Code: ")

    def type(self, text: str) -> None:
        self.send(text.encode())

    def send(self, content: bytes) -> None:
        os.write(self._master, content)

    def end(self) -> int:
        assert self._process is not None
        while True:
            try:
                piece = os.read(self._master, 4096)
            except OSError:
                break
            if not piece:
                break
            self.shown += piece.decode(errors="replace")
        return self._process.wait(30)

    @property
    def arguments_in_ps(self) -> str:
        """Command line and environment of the process, as other processes of this user can see them."""
        assert self._process is not None
        place = Path(f"/proc/{self._process.pid}")
        return (place / "cmdline").read_text() + (place / "environ").read_text()


async def test_login_at_a_terminal(cloud: Cloud, tmp_path: Path) -> None:
    """At a terminal: the account, a password that is never shown, a code; and the configuration knows the account."""
    terminal = Terminal(cloud, tmp_path, "login")

    def person() -> int:
        terminal.start_and_type_password()
        assert PASSWORD not in terminal.arguments_in_ps
        terminal.type("123 456\n")
        terminal.until("[y/N]")
        terminal.type("\n")
        return terminal.end()

    assert await asyncio.to_thread(person) == 0, terminal.shown
    assert PASSWORD not in terminal.shown
    assert "Signed in." in terminal.shown
    assert re.search(r"3\.0 of 5\.0 GB", terminal.shown)
    assert cloud.actor.sign_ins == 1
    written = "".join(file.read_text() for file in (tmp_path / "conf.d").rglob("*.toml"))
    assert ANNA in written
    assert PASSWORD not in written + "".join(file.read_text() for file in cloud.folder.iterdir())
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_ctrl_c_at_the_code_leaves_everything_as_it_was(cloud: Cloud, tmp_path: Path) -> None:
    """Ctrl-C in the middle ends the sign-in at once and keeps the session that worked."""
    cloud.actor.signed_in(cloud.state)
    for file in cloud.folder.glob("*.session"):
        data = json.loads(file.read_text())
        del data["trust_token"]
        file.write_text(json.dumps(data))
    terminal = Terminal(cloud, tmp_path, "login")

    def person() -> int:
        terminal.start_and_type_password()
        terminal.type("\x03")
        return terminal.end()

    assert await asyncio.to_thread(person) == 130, terminal.shown
    assert "Stopped. A sign-in that worked before is untouched." in terminal.shown
    assert not [file.name for file in cloud.state.iterdir() if file.name.startswith("account.new")]
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_ctrl_c_at_the_keyring_question_declines_only_the_keyring(cloud: Cloud, tmp_path: Path) -> None:
    """By then the sign-in is done: the person is told so, and the configuration knows the account."""
    terminal = Terminal(cloud, tmp_path, "login")

    def person() -> int:
        terminal.start_and_type_password()
        terminal.type(f"{CODE}\n")
        terminal.until("[y/N]")
        terminal.type("\x03")
        return terminal.end()

    assert await asyncio.to_thread(person) == 0, terminal.shown
    assert "the password is not kept anywhere" in " ".join(terminal.shown.split())
    assert any(ANNA in file.read_text() for file in (tmp_path / "conf.d").glob("*.toml"))


@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
@pytest.mark.parametrize("prompt", ["Apple Account", "not shown"])
async def test_a_terminal_in_another_encoding_is_said(cloud: Cloud, tmp_path: Path, prompt: str, locale: str) -> None:
    """What cannot be understood is not sent: a mangled password would count as a wrong one."""
    terminal = Terminal(cloud, tmp_path, "login")
    terminal.environment |= {"LC_ALL": locale, "PYTHONUTF8": "0"}

    def person() -> int:
        terminal.start()
        terminal.until("Apple Account")
        if prompt != "Apple Account":
            terminal.type(f"{ANNA}\n")
            terminal.until(prompt)
        terminal.send(b"gr\xfc\xdfe@example.com\n")
        return terminal.end()

    assert await asyncio.to_thread(person) == 1, terminal.shown
    assert "characters that are not UTF-8" in terminal.shown
    assert cloud.actor.requests == []


async def test_logout_needs_no_terminal_and_forgets_the_account(cloud: Cloud, tmp_path: Path) -> None:
    """Logout works in a script, tells Apple, and takes the account out of the configuration it was written into."""
    await signed_in(cloud.sign_in(CODE))
    terminal = Terminal(cloud, tmp_path, "logout")
    conf_d = tmp_path / "conf.d"
    set_value("account.apple_id", ANNA, tmp_path / "config.toml")
    assert any(ANNA in file.read_text() for file in conf_d.glob("*.toml"))
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            terminal.command,
            check=False,
            env=terminal.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Signed out, here and at Apple." in done.stderr
    assert not cloud.folder.exists()
    assert not any(ANNA in file.read_text() for file in conf_d.glob("*.toml"))
    assert cloud.actor.count("logout") == 1


async def test_without_a_terminal_the_way_to_run_it_is_said(cloud: Cloud, tmp_path: Path) -> None:
    """In a script or a service, login asks nothing, sends nothing and says how to run it."""
    terminal = Terminal(cloud, tmp_path, "login")
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            terminal.command,
            check=False,
            env=terminal.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    )
    assert done.returncode == 1
    assert "Open a terminal and run: backupwatch login" in done.stderr
    assert done.stdout == ""
    assert cloud.actor.requests == []


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "12 34 5", "½23456", "123456 7"])
async def test_what_is_no_code_is_not_sent(typed: str) -> None:
    """Only six digits are ever sent as a code."""
    assert six_digits(typed) is None
