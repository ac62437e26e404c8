"""What is said when a sign-in does not work: one line each, with what to do. Nothing here quotes Apple or a secret."""

from __future__ import annotations

from typing import Final

import requests

from backupwatch.errors import BackupwatchError
from backupwatch.facts.observation import BlindReason
from backupwatch.sources.icloud_trouble import Trouble, service_errors

UNTOUCHED: Final = "A sign-in that worked before is untouched"
NOT_RETRIED: Final = "The password was sent once and is not sent again by itself"
NOT_SENT: Final = "The password was not sent"
ACCOUNT_PAGE: Final = "https://account.apple.com"
UNLOCK_PAGE: Final = "https://iforgot.apple.com"
"""Where Apple's own sign-in sends people with a locked account (pyicloud, ``PyiCloudAccountLockedException``)."""
WEB_ACCESS_NOTE: Final = (
    "Web access to this account's data is off (Advanced Data Protection): storage cannot be read here, but your "
    "phones are watched all the same. To let it be read: iPhone > Settings > your name > iCloud > "
    "Access iCloud Data on the Web (https://support.apple.com/102630)"
)
TERMS_NOTE: Final = (
    "Apple has new iCloud terms. backupwatch does not accept them for you: accept them on the iPhone or at "
    "https://www.icloud.com; this sign-in stays and works from then on"
)


def wrong_password() -> BackupwatchError:
    """401 with Apple's -20101."""
    return BackupwatchError(
        "Apple did not accept this Apple Account or password",
        meaning=f"{NOT_RETRIED}; too many wrong ones lock the account",
        fix=f"Try it at {ACCOUNT_PAGE} first, then run: backupwatch login",
    )


def locked() -> BackupwatchError:
    """-20209."""
    return BackupwatchError(
        "Apple has locked this account for security",
        meaning=NOT_RETRIED,
        fix=f"Unlock it at {UNLOCK_PAGE}, then run: backupwatch login",
    )


def refused(response: requests.Response | None, *, sent: bool) -> BackupwatchError:
    """Apple answered with something else than yes, no or locked.

    :param sent: whether the password had been sent by then.
    """
    wrong = response is not None and (response.status_code == 401 or "-20101" in service_errors(response))
    if wrong and sent:
        return wrong_password()
    return BackupwatchError(
        "Apple did not finish this sign-in",
        meaning=f"It may want you to look at something first. {NOT_RETRIED if sent else NOT_SENT}",
        fix=f"Sign in at {ACCOUNT_PAGE}, answer what it asks, then run: backupwatch login",
    )


def troubled(trouble: Trouble, *, sent: bool) -> BackupwatchError:
    """No usable answer at all.

    :param sent: whether the password had been sent by then.
    """
    if trouble.china is not None:
        value = str(trouble.china).lower()
        return BackupwatchError(
            trouble.sentence,
            meaning=UNTOUCHED,
            fix=f"Run: backupwatch config set account.china_mainland {value}, then: backupwatch login",
        )
    wait = "in a few minutes"
    if trouble.retry_after:
        wait = f"in about {max(1, round(trouble.retry_after / 60))} minutes"
    elif trouble.reason is BlindReason.RATE_LIMITED:
        wait = "tomorrow"
    return BackupwatchError(
        trouble.sentence,
        meaning=f"{NOT_RETRIED if sent else NOT_SENT}. {UNTOUCHED}",
        fix=f"Run backupwatch login again {wait}",
        retry=True,
    )


def too_slow(*, sent: bool) -> BackupwatchError:
    """A step took longer than anybody should wait."""
    return troubled(Trouble(BlindReason.TIMEOUT, "Apple's servers did not answer in time"), sent=sent)


def not_trusted(hsa_version: int) -> BackupwatchError:
    """Everything was right, and still Apple does not trust this computer."""
    if hsa_version < 2:
        return BackupwatchError(
            "This account has no two-factor authentication, and Apple does not let it be read without",
            meaning=UNTOUCHED,
            fix="Switch it on at iPhone > Settings > your name > Sign-In & Security, then run: backupwatch login",
        )
    return BackupwatchError(
        "Apple accepted the code but did not trust this computer",
        meaning=UNTOUCHED,
        fix="Run backupwatch login again in a few minutes",
        retry=True,
    )


def no_more_codes() -> BackupwatchError:
    """Three wrong codes are enough."""
    return BackupwatchError(
        "Apple did not accept the code",
        meaning=UNTOUCHED,
        fix="Wait a few minutes, then run backupwatch login for a new code",
    )


def no_key(names: str) -> BackupwatchError:
    """The account wants a security key, and there is none, or it did not work."""
    return BackupwatchError(
        f"This account signs in with a security key{names}, and none answered on this computer",
        meaning="Apple takes no codes for such an account",
        fix="Plug the key in, run backupwatch login and touch the key when asked",
    )


def given_up(what: str) -> BackupwatchError:
    """The person typed nothing."""
    return BackupwatchError(f"No {what} was given", meaning=UNTOUCHED, fix="Run backupwatch login to try again")
