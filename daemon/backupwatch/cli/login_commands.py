"""``backupwatch login`` and ``logout``: the account's password and code, asked on the terminal and nowhere else."""

from __future__ import annotations

import getpass
import sys
import warnings
from pathlib import Path

from backupwatch import control, paths
from backupwatch.cli.lines import say
from backupwatch.cli.opening import config_of
from backupwatch.errors import BackupwatchError
from backupwatch.text import plain

YES = frozenset({"y", "yes", "j", "ja", "o", "oui"})


def run_login(config_path: Path | None, *, apple_id: str = "") -> int:
    """Sign in, keep the session, and write the account into the configuration; answers 0.

    :param config_path: ``--config``, or None for the usual place.
    :param apple_id: the account, where it is already known; else the configured one is offered.
    :raises BackupwatchError: no terminal, or the sign-in did not work.
    """
    config = config_of(config_path)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BackupwatchError(
            "Signing in asks for a password and a code, and there is no terminal to ask on",
            fix="Open a terminal and run: backupwatch login",
        )
    from backupwatch.setup.login import Ask, SignIn
    from backupwatch.setup.login_words import UNTOUCHED

    account = apple_id or _account(config.account.apple_id)
    ask = Ask(tell=_tell, line=_line, secret=_secret, yes=_yes)
    sign_in = SignIn(
        account,
        ask,
        state=paths.state_dir(),
        base_url=config.advanced.icloud,
        china_mainland=config.account.china_mainland,
    )
    try:
        done = sign_in.run()
    except KeyboardInterrupt:
        _tell("")  # below the "^C" that the terminal shows
        raise BackupwatchError("Stopped", meaning=UNTOUCHED, exit_code=130) from None
    kept = "the password is in your keyring" if done.kept_password else "the password is not kept anywhere"
    _tell(f"Signed in. The session stays on this computer; {kept}.")
    if done.quota is not None:
        total, used = done.quota
        _tell(f"iCloud storage: {_gigabytes(used)} of {_gigabytes(total)} GB used.")
    for note in done.notes:
        _tell(note if note.endswith(".") else f"{note}.")
    try:
        if account != config.account.apple_id:
            _configure(account, config_path)
    finally:
        control.request_reload()  # a running daemon that waited for this sign-in waits no longer
    return 0


def run_logout(config_path: Path | None) -> int:
    """Forget the session, its cookies and a stored password; answers 0.

    :raises BackupwatchError: something could not be removed.
    """
    config = config_of(config_path)
    from backupwatch.setup.login import sign_out

    state = paths.state_dir()
    had = paths.account_dir(state).exists()
    done = sign_out(
        config.account.apple_id,
        state=state,
        base_url=config.advanced.icloud,
        china_mainland=config.account.china_mainland,
    )
    if not had:
        _tell("Nobody was signed in; nothing of the account is left on this computer.")
    elif done.told:
        _tell("Signed out, here and at Apple.")
    else:
        _tell("Signed out here. Apple could not be told; the session there ends by itself.")
    if done.password_left:
        _tell("The keyring did not open: the password is still there. Remove “backupwatch iCloud sign-in” from it.")
    _unconfigure(config_path)
    control.request_reload()
    return 0


def _configure(account: str, config_path: Path | None) -> None:
    from backupwatch.settings.edit import set_value

    try:
        set_value("account.apple_id", account, config_path)
    except BackupwatchError as error:
        raise BackupwatchError(
            "You are signed in, but the account could not be written into the configuration",
            meaning=error.line(),
            fix=f'Set apple_id = "{plain(account, 254)}" under [account] yourself',
        ) from error


def _unconfigure(config_path: Path | None) -> None:
    from backupwatch.settings.edit import unset_value

    try:
        unset_value("account.apple_id", config_path)
    except BackupwatchError:
        _tell("Your own configuration still names the account; empty account.apple_id there to stop being reminded.")


def _account(configured: str) -> str:
    known = plain(configured, 254)
    typed = _line(f"Apple Account [{known}]: " if known else "Apple Account (e-mail or phone number): ").strip()
    if not typed and not configured:
        raise BackupwatchError("No Apple Account was given", fix="Run backupwatch login to try again")
    account = typed or configured
    if "@" not in account and not account.lstrip("+")[:1].isdigit():
        raise BackupwatchError(
            f"“{plain(account)}” is neither an e-mail address nor a phone number",
            meaning="Nothing was sent",
            fix="Run backupwatch login with the Apple Account that stands at the top of the iPhone's Settings",
        )
    return account


def _tell(line: str) -> None:
    say(line)


def _line(prompt: str) -> str:
    print(prompt, file=sys.stderr, end="", flush=True)
    try:
        typed = sys.stdin.readline()
        typed.encode()  # in some locales Python lets foreign bytes in, and stumbles over them later
    except UnicodeError:
        raise _not_utf8() from None
    return typed


def _not_utf8() -> BackupwatchError:
    return BackupwatchError(
        "The terminal sent characters that are not UTF-8",
        meaning="They were not sent anywhere",
        fix="Set the terminal to UTF-8, then run: backupwatch login",
    )


def _secret(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it warns when it could not switch the echo off
        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except (EOFError, getpass.GetPassWarning):
            return ""
        except UnicodeDecodeError:
            raise _not_utf8() from None


def _yes(question: str) -> bool:
    return _line(f"{question} [y/N] ").strip().casefold() in YES


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f}"  # as Apple counts its plans: 5 GB are 5 * 2**30 bytes
