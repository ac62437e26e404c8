"""What backupd writes into the phone's log, as events; pure.

The lines are those of MobileBackup in iOS 18.2 and 26.1. They are matched loosely: lists of fields grew between
releases, values appear as ``<private>`` or in quotes, and the same line carries the prefix ``=scheduler=`` in one
release and ``=backoff=`` in another.

An event is a table: ``what`` (a :class:`~backupwatch.facts.kinds.LogWord`), ``text`` (the line, without what is
private), and where the line has them ``code`` (of MBErrorDomain) and ``fields``, booleans by iOS's own names: of a
condition ``enabled``, ``locked``, ``onPower``, ``onWiFi``, ``onCellular`` and more, with ``restoring`` if so; of the
network ``available``, ``expensive``, ``constrained``; of an account ``enabled``, ``emailVerified``, ``cellular`` or
``enabled``, ``primary``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from backupwatch.facts.kinds import LogWord
from backupwatch.facts.observation import Json
from backupwatch.text import plain

SUBSYSTEM: Final = "com.apple.mobilebackup"

MAX_LINE: Final = 4_096
"""Characters of a line that are looked at."""

MAX_TEXT: Final = 160
"""Characters of a line that are kept."""

CANCELLED: Final = 202
"""MBErrorDomain: cancelled; the code underneath says why."""

_PREFIX = re.compile(r"^\s*(?:=[\w-]{1,40}=\s*)+")
_CODE = re.compile(r"MBErrorDomain\s*(?:/|\(|Code=|\s)\s*(\d{1,5})")
_FIELD = re.compile(r"\b([A-Za-z]\w{0,40}):\s*\"?([01])\"?(?=[,()\s\"]|$)")
_TRIPLE = re.compile(r"\((\d),\s*(\d),\s*(\d)\)")
_RESTORING = re.compile(r"managerStates:\s*\(?[^)]*restor", re.IGNORECASE)
_NUMBER = re.compile(r"\bFound (\d+) files")

_PRIVATE = re.compile(
    r"[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:/]+"  # an address
    r"|\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"  # a UUID
    r"|\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{16}\b"  # a UDID
    r"|(?<![\d.])\d{8,}(?![\d.])"  # an account's number
    r"|\b(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]{16,}\b"  # a hash, an old UDID
)
_ACCOUNT = re.compile(
    r"(\b(?:account|persona)\b:?\s*)(?!s?\s*(?:enabled|isn't|left))(\(?[^\s,:()]{3,}(?:/[^\s,:()]+)?\)?)"
)

_RULES: Final[tuple[tuple[str, LogWord], ...]] = (
    (r"\[On condition\b", LogWord.ON_CONDITION),
    (r"\[Off condition\b", LogWord.OFF_CONDITION),
    (r"disabled by (?:the current MC policy|MDM)|=managed-policy=", LogWord.POLICY),
    (r"backup failure notification", LogWord.FAILURE),
    (r"backup completion notification", LogWord.COMPLETED),
    (r"^Starting automatic backup for", LogWord.STARTED),
    (r"^(?:Found account\b|Fetched account:|Updating state for account)", LogWord.ACCOUNT),
    (r"^(?:isEnabled changed|Primary account enabled)", LogWord.ACCOUNT),
    (r"^(?:Auto backup is not enabled|No accounts left)", LogWord.AUTO_BACKUP_OFF),
    (r"backup start request since the account .*isn't enabled", LogWord.AUTO_BACKUP_OFF),
    (r"\bcancel+ing\b", LogWord.CANCELLED),
    (r"an iCloud backup is overdue|Posted follow-up item\W*DrySpell", LogWord.OVERDUE),
    (r"files with missing encryption keys", LogWord.MISSING_KEYS),
    (r"Posted follow-up item\W*RestoreInProgress", LogWord.RESTORING),
    (r"\brestore (?:is|still) in progress|isRestoring:\s*1", LogWord.RESTORING),
    (r"^Scheduled next backup on", LogWord.SCHEDULED),
    (r"backup on \w+ was delayed|next backup date was pushed later", LogWord.DELAYED),
    (r"needs to be deferred|but is otherwise still in condition", LogWord.DELAYED),
    (r"\bavailable:\s*\"?[01].*\b(?:expensive|constrained):", LogWord.NETWORK),
)
"""Tried in this order."""

_PATTERNS: Final = tuple((re.compile(pattern, re.IGNORECASE), what) for pattern, what in _RULES)


def parse_line(message: str) -> dict[str, Json] | None:
    """The event of one line of the subsystem, or None for a line of no interest."""
    line = message[:MAX_LINE]
    body = _PREFIX.sub("", line)
    for pattern, what in _PATTERNS:
        # "=managed-policy=" is a prefix and a sign at once, so the whole line is searched for it.
        if pattern.search(body) or (what is LogWord.POLICY and pattern.search(line)):
            return _event(what, body)
    return None


def _event(what: LogWord, body: str) -> dict[str, Json] | None:
    if what is LogWord.MISSING_KEYS and (number := _NUMBER.search(body)) and int(number[1]) == 0:
        return None
    event: dict[str, Json] = {"what": what.value, "text": without_private(body)}
    if what in (LogWord.FAILURE, LogWord.CANCELLED) and (code := error_code(body)) is not None:
        event["code"] = code
    fields = _FIELDS.get(what, _no_fields)(body)
    if fields:
        event["fields"] = fields
    return event


def error_code(text: str) -> int | None:
    """The code of MBErrorDomain that says most: the outermost, or what lies under a cancellation."""
    codes = [int(code) for code in _CODE.findall(text)]
    return next((code for code in codes if code != CANCELLED), codes[0] if codes else None)


def without_private(text: str) -> str:
    """One line of at most :data:`MAX_TEXT` characters, with names of accounts, addresses and numbers as dots."""
    masked = _ACCOUNT.sub(r"\1•", _PRIVATE.sub("•", text))
    return plain(masked, MAX_TEXT)


def _no_fields(body: str) -> dict[str, Json]:
    del body
    return {}


def _named(body: str) -> dict[str, Json]:
    return {name: value == "1" for name, value in _FIELD.findall(body)}


def _condition(body: str) -> dict[str, Json]:
    return _named(body) | ({"restoring": True} if _RESTORING.search(body) else {})


def _account(body: str) -> dict[str, Json]:
    if triple := _TRIPLE.search(body):
        names = ("enabled", "emailVerified", "cellular")
        return {name: value != "0" for name, value in zip(names, triple.groups(), strict=True)}
    if single := re.search(r"(?:isEnabled changed:\s*|enabled state \()([01])", body):
        return {"enabled": single[1] == "1"}
    fields = _named(body)
    if "isEnabledForBackup" in fields:
        fields["enabled"] = fields.pop("isEnabledForBackup")
    return fields


_FIELDS: dict[LogWord, Callable[[str], dict[str, Json]]] = {
    LogWord.ON_CONDITION: _condition,
    LogWord.OFF_CONDITION: _condition,
    LogWord.NETWORK: _named,
    LogWord.ACCOUNT: _account,
}
