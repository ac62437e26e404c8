"""Signing in: one password for one explicit action of the person, then the second factor, then the swap.

The new session grows in a folder of its own. Nothing of the old one is touched before the new one is trusted,
so a wrong code, a full disk or Ctrl-C leaves everything as it was.
"""

from __future__ import annotations

import functools
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pyicloud.exceptions import (  # type: ignore[import-untyped]
    PyiCloudAcceptTermsException,
    PyiCloudAccountLockedException,
    PyiCloudException,
    PyiCloudTrustedDeviceVerificationException,
)

from backupwatch.clock import Clock, utc_now
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.paths import account_dir
from backupwatch.setup import account_folder, account_keyring, login_words
from backupwatch.sources import icloud_facts, icloud_files
from backupwatch.sources.icloud_client import Client
from backupwatch.sources.icloud_trouble import Trouble, table
from backupwatch.text import plain

T = TypeVar("T")
STEP_PATIENCE: Final = 120.0
"""Seconds for one step with Apple; each request in it has its own, shorter timeout."""
LOGOUT_PATIENCE: Final = 30.0
KEYRING_PATIENCE: Final = 60.0
"""Seconds for the dialog in which a keyring is unlocked."""
CODE_TRIES: Final = 3
"""Wrong codes before the sign-in ends; Apple locks the second factor after more."""


@dataclass(frozen=True)
class Ask:
    """How the person is spoken to.

    :ivar tell: show one line.
    :ivar line: ask for a line; what is typed may be seen.
    :ivar secret: ask for a line; what is typed is never seen.
    :ivar yes: ask a question whose answer is no unless the person says yes.
    """

    tell: Callable[[str], None]
    line: Callable[[str], str]
    secret: Callable[[str], str]
    yes: Callable[[str], bool]


@dataclass
class SignedIn:
    """How it ended.

    :ivar notes: lines for the person: what was found, what to look at.
    :ivar quota: total and used bytes, or None where storage could not be read.
    :ivar kept_password: whether the system keyring holds the password.
    """

    apple_id: str
    notes: list[str] = field(default_factory=list)
    quota: tuple[int, int] | None = None
    kept_password: bool = False


@dataclass(frozen=True)
class SignedOut:
    """How a sign-out ended.

    :ivar told: whether Apple was told as well.
    :ivar password_left: whether the keyring did not open, and still holds the password that was once kept there.
    """

    told: bool
    password_left: bool


class SignIn:
    """One explicit sign-in. Use once: :meth:`run`."""

    def __init__(
        self,
        apple_id: str,
        ask: Ask,
        *,
        state: Path,
        base_url: str = "",
        china_mainland: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        self._apple_id = apple_id
        self._ask = ask
        self._state = state
        self._base_url = base_url
        self._china = china_mainland
        self._clock = clock

    def run(self) -> SignedIn:
        """Sign in.

        :raises BackupwatchError: it did not work; the old session, if any, still does.
        """
        before = self._keyring_owner()
        with account_folder.workshop(self._state) as folder:
            password, from_keyring = self._password()
            account_folder.trust_of_old_session(self._state, self._apple_id, folder)
            client = Client(
                self._apple_id,
                folder,
                now=self._clock(),
                base_url=self._base_url,
                china_mainland=self._china,
                password=password,
            )
            done = SignedIn(self._apple_id)
            try:
                self._prove(client, done)
            except BackupwatchError:
                if from_keyring and client.session.proofs_left == 0 and not client.waits_for_second_factor:
                    account_keyring.remove(self._apple_id)  # the next sign-in asks instead of sending it again
                raise
            if client.waits_for_second_factor:
                self._second_factor(client, done)
            self._finish(client, folder, done)
        if before is not None and before != self._apple_id:  # nobody else would ever remove it
            _forget_password(before)
        done.kept_password = from_keyring or self._offer_keyring(password)
        if done.kept_password:
            icloud_files.write_note(account_dir(self._state) / icloud_files.KEYRING, {"apple_id": self._apple_id})
        return done

    # -- the password --------------------------------------------------------------------------------------------

    def _password(self) -> tuple[str, bool]:
        stored = self._stored_password()
        if stored is not None:
            self._ask.tell("Using the password from the keyring.")
            return stored, True
        typed = self._ask.secret(f"Password for {plain(self._apple_id)} (not shown): ")
        if not typed:
            raise login_words.given_up("password")
        return typed, False

    def _keyring_owner(self) -> str | None:
        """Whose password the keyring holds for us."""
        owner = icloud_files.read_note(account_dir(self._state) / icloud_files.KEYRING).get("apple_id")
        return owner if isinstance(owner, str) and owner else None

    def _stored_password(self) -> str | None:
        """Asked only where the person once said yes: a keyring may pop up a dialog to be unlocked."""
        if self._keyring_owner() != self._apple_id:
            return None
        try:
            return _patiently(lambda: account_keyring.stored(self._apple_id), KEYRING_PATIENCE)
        except TimeoutError:
            return None

    def _prove(self, client: Client, done: SignedIn) -> None:
        """The one proof of the password."""
        try:
            _patiently(client.authenticate, STEP_PATIENCE)
        except PyiCloudAccountLockedException:
            raise login_words.locked() from None
        except PyiCloudAcceptTermsException:
            client.read_on()
            done.notes.append(login_words.TERMS_NOTE)
        except Trouble as trouble:
            if not client.waits_for_second_factor:  # else the password was right, and only the prompt got lost
                raise login_words.troubled(trouble, sent=_sent(client)) from None
        except TimeoutError:
            raise login_words.too_slow(sent=_sent(client)) from None
        except PyiCloudException:
            if not client.waits_for_second_factor:
                raise login_words.refused(client.session.last, sent=_sent(client)) from None
        except OSError:  # the push server of the trusted-device prompt cannot be reached
            if not client.waits_for_second_factor:
                raise login_words.too_slow(sent=_sent(client)) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise login_words.refused(None, sent=_sent(client)) from None
        finally:
            client.forget_password()

    # -- the second factor ---------------------------------------------------------------------------------------

    def _second_factor(self, client: Client, done: SignedIn) -> None:
        if client.two_factor_delivery_method == "security_key":
            self._security_key(client)
            return
        sms = client.two_factor_delivery_method == "sms"
        self._ask.tell(
            "Apple sent a code by text message."
            if sms
            else "Apple shows a code on your iPhone, iPad or Mac (tap Allow). No code there? Type sms for a text "
            "message, or look at Settings > your name > Sign-In & Security > Get Verification Code."
        )
        tries = 0
        while tries < CODE_TRIES:
            typed = self._ask.line("Code: ")
            if not typed.strip():
                raise login_words.given_up("code")
            if typed.strip().casefold() == "sms":
                self._text_message(client)
                continue
            code = six_digits(typed)
            if code is None:
                self._ask.tell("A code has six digits.")
                continue
            tries += 1
            if self._code(client, code, done):
                return
        raise login_words.no_more_codes()

    def _text_message(self, client: Client) -> None:
        try:
            _patiently(client.send_sms, STEP_PATIENCE)
        except (PyiCloudException, Trouble, TimeoutError, OSError):
            self._ask.tell("Apple sent no text message. Use the code from a device.")
        else:
            self._ask.tell("Apple sent a code by text message.")

    def _code(self, client: Client, code: str, done: SignedIn) -> bool:
        """Whether Apple took the code; what else can go wrong ends the sign-in."""
        bridged = client.bridged
        try:
            _patiently(lambda: client.validate_2fa_code(code), STEP_PATIENCE)
        except PyiCloudAcceptTermsException:
            client.read_on()
            done.notes.append(login_words.TERMS_NOTE)
            return True
        except Trouble as trouble:
            raise login_words.troubled(trouble, sent=True) from None
        except TimeoutError:
            raise login_words.too_slow(sent=True) from None
        except PyiCloudAccountLockedException:
            raise login_words.locked() from None
        except PyiCloudTrustedDeviceVerificationException:
            pass  # the device and the code did not agree
        except PyiCloudException:
            raise login_words.not_trusted(2) from None
        if client.is_trusted_session:
            return True
        last = client.session.last
        if last is not None and urlsplit(last.url).path.endswith(("/2sv/trust", "/accountLogin")):
            raise login_words.not_trusted(2)
        expired = last is not None and "expired" in str(table(last)).casefold()
        self._ask.tell("That code has expired." if expired else "Apple did not accept that code: wrong, or too old.")
        if bridged:
            self._new_prompt(client)
        return False

    def _new_prompt(self, client: Client) -> None:
        """A wrong code ended the channel to the person's devices; the next code needs a new one."""
        try:
            shown = _patiently(client.request_2fa_code, STEP_PATIENCE)
        except (PyiCloudException, Trouble, TimeoutError, OSError):
            shown = False
        self._ask.tell("A new code is on its way." if shown else "For a new code, type sms for a text message.")

    def _security_key(self, client: Client) -> None:
        names = ", ".join(plain(name) for name in client.security_key_names or ())
        names = f" ({names})" if names else ""
        self._ask.tell(f"This account signs in with a security key{names}. Plug it in, and touch it when it blinks.")
        try:
            _patiently(client.confirm_security_key, STEP_PATIENCE)
        except Trouble as trouble:
            raise login_words.troubled(trouble, sent=True) from None
        except Exception:  # noqa: BLE001 - the key's library has errors of many families, all with one remedy
            raise login_words.no_key(names) from None

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self, client: Client, folder: Path, done: SignedIn) -> None:
        info = icloud_facts.table(client.data.get("dsInfo"))
        version = info.get("hsaVersion")
        version = version if isinstance(version, int) else 2
        if not client.is_trusted_session:
            raise login_words.not_trusted(version)
        if version < 2:
            done.notes.append("This account has no two-factor authentication; Apple may stop letting it in.")
        self._read_quota(client, done)
        if client.session.unsaved is not None:
            raise account_folder.unwritable(self._state, client.session.unsaved)
        account_folder.put_in_place(folder, self._state, self._apple_id, self._clock())

    def _read_quota(self, client: Client, done: SignedIn) -> None:
        """Show that it works; what cannot be read now is no reason to throw the session away."""
        try:
            storage = _patiently(lambda: client.account.storage, STEP_PATIENCE)
            values = icloud_facts.quota_values(storage.usage.usage_data, storage.usage.quota_data, {})
        except PyiCloudException:
            last = client.session.last
            if last is not None and last.status_code in (403, 423) and login_words.TERMS_NOTE not in done.notes:
                done.notes.append(login_words.WEB_ACCESS_NOTE)
        except (Trouble, TimeoutError, ValueError, TypeError, KeyError, AttributeError):
            done.notes.append("Storage could not be read just now; it is tried again later.")
        else:
            quota: Any = values[kinds.QUOTA]
            done.quota = (quota["total_bytes"], quota["used_bytes"])

    def _offer_keyring(self, password: str) -> bool:
        """Whether the password was stored: only on a clear yes, and only where it is kept secret."""
        try:
            account_keyring.usable()
        except account_keyring.NoSafeKeyring as refusal:
            self._ask.tell(f"The password is not kept: there is no keyring here that protects it (found: {refusal}).")
            return False
        try:
            if not self._ask.yes("Keep the password in the system keyring, for when Apple wants a new sign-in?"):
                return False
            name = _patiently(lambda: account_keyring.store(self._apple_id, password), KEYRING_PATIENCE)
        except KeyboardInterrupt:
            self._ask.tell("")  # below the "^C"; the sign-in is done, and only the keeping is declined
            return False
        except (account_keyring.NoSafeKeyring, TimeoutError):
            self._ask.tell("The keyring did not take the password; it is not kept.")
            return False
        self._ask.tell(f"Kept in {name}; backupwatch logout removes it.")
        return True


def sign_out(
    apple_id: str, *, state: Path, base_url: str = "", china_mainland: bool = False, clock: Clock = utc_now
) -> SignedOut:
    """Remove session, cookies, notes and keyring entry.

    :raises BackupwatchError: something could not be removed.
    """
    told = False
    try:
        with icloud_files.locked(state, account_folder.LOCK_PATIENCE):
            folder = account_dir(state)
            owner = icloud_files.read_note(folder / icloud_files.SIGNED_IN).get("apple_id")
            owner = owner if isinstance(owner, str) else apple_id
            keeper = icloud_files.read_note(folder / icloud_files.KEYRING).get("apple_id")
            stopped = (folder / icloud_files.STOPPED).exists()
            if owner and not stopped and icloud_files.session_file(folder, owner).exists():
                client = Client(owner, folder, now=clock(), base_url=base_url, china_mainland=china_mainland)
                told = _tell_apple(client)
            account_folder.remove(state)
    except TimeoutError:
        raise account_folder.busy() from None
    removed = {name: _forget_password(name) for name in sorted({owner, apple_id} - {""})}
    return SignedOut(told, password_left=removed.get(str(keeper)) is False)


def _forget_password(apple_id: str) -> bool:
    """Whether the keyring surely does not hold it any more."""
    try:
        return _patiently(functools.partial(account_keyring.remove, apple_id), KEYRING_PATIENCE)
    except TimeoutError:
        return False


def _tell_apple(client: Client) -> bool:
    def leave() -> bool:
        client.authenticate()
        return bool(client.logout(clear_local_session=False)["remote_logout_confirmed"])

    try:
        return _patiently(leave, LOGOUT_PATIENCE)
    except Exception:  # noqa: BLE001 - signing out here must work whatever Apple says
        return False


def six_digits(typed: str) -> str | None:
    """The code in what was typed, spaces and dashes aside, or None."""
    kept = [char for char in typed if not char.isspace() and unicodedata.category(char) not in ("Pd", "Cf")]
    try:
        code = "".join(str(unicodedata.decimal(char)) for char in kept)
    except ValueError:
        return None
    return code if len(code) == 6 else None


def _sent(client: Client) -> bool:
    return client.session.proofs_left == 0


def _patiently(call: Callable[[], T], seconds: float) -> T:
    """The call's answer, or TimeoutError; the person's Ctrl-C comes through at once.

    The library blocks and cannot be told to stop, so it runs in a thread that is left behind if it must be.
    """
    box: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            box.append(call())
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            failure.append(error)

    thread = threading.Thread(target=work, name="icloud sign-in", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not box:
        raise TimeoutError
    return box[0]
