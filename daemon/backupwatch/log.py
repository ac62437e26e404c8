"""Logs: human on a terminal, JSON lines otherwise, always on standard error, never with a secret in them.

Our own events and the libraries' records meet in one formatter and pass :func:`redact` there, tracebacks included.
Import this module before anything else that imports structlog: structlog pulls in rich wherever rich is installed,
which costs a resident process 5.5 MB and 60 ms (measured with structlog 26.1 and rich 15) for nothing.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO, cast

from backupwatch import text

if "rich" in sys.modules or "structlog" in sys.modules:
    import structlog
else:
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it now fails, which structlog expects
    try:
        import structlog
    finally:
        del sys.modules["rich"]

HIDDEN: Final = "•••"
"""What stands in a log in place of a secret."""

QUIET: Final = ("apscheduler", "pymobiledevice3", "pyicloud", "urllib3", "requests", "keyring")
"""Libraries held to warnings, whatever level they set themselves: below it they write pair records, plists,
requests and cookies, or (apscheduler) two lines per heartbeat."""

_STANDARD_ERROR: Final = 2
"""The descriptor; Python's own stream is missing where that was closed."""
LARGEST: Final = 10_000_000
"""Bytes of a log file: about a year of the daemon's."""

_MAX_VALUE, _MAX_TRACEBACK, _MAX_ITEMS, _MAX_DEPTH = 2_000, 16_000, 50, 5

_SECRET_WORDS = re.compile(
    r"\b(password|passwd|passphrase|pwd|tokens?|secrets?|cookies?|sessions?|codes?|otp|pin|credentials?|authorization"
    r"|auth|escrow|keybag|scnt|dsid|imei|meid|iccid|serial|mac"
    r"|(pair record|(private|host|root|api) key|phone number|wifi address)s?)\b"
)
"""In the name of a key, its words apart."""

_HARMLESS = frozenset({"exit code", "error code", "status code", "return code", "session expires"})

_KEY_IN_TEXT = (
    r"(?:password|passwd|passphrase|token|secret|cookie|session[_-]?id|authorization|credential|escrow"
    r"|scnt|dsid|security[_-]?code|private[_-]?key|pair[_-]?record)[\w.-]{0,40}"
)


class Secret:
    """A text that shows itself to nobody who does not ask for it by :meth:`reveal`.

    Whatever was wrapped is also blotted out of every log line of this process, however a library came to quote it.
    """

    __slots__ = ("_value",)
    _known: Final[set[str]] = set()

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= 4:  # shorter ones would blot out half of every sentence
            self._known.add(value)

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> str:
        raise TypeError("a secret is not stored")

    @classmethod
    def blot(cls, line: str) -> str:
        """``line`` without any text that was ever wrapped in this process."""
        for value in cls._known:
            line = line.replace(value, HIDDEN)
        return line


def _last_four(match: re.Match[str]) -> str:
    return f"…{match[0][-4:]}"


def _email(match: re.Match[str]) -> str:
    return text.masked_account(match[0].replace("%40", "@"))


def _if_random(match: re.Match[str]) -> str:
    """A long word is a token if it mixes digits, capitals and small letters; the names in a traceback do not."""
    word = match[0]
    kinds = (str.isdigit, str.isupper, str.islower)
    return HIDDEN if all(any(kind(char) for char in word) for kind in kinds) else word


def _if_serial(match: re.Match[str]) -> str:
    """Apple's serial numbers are 10 to 12 capitals and digits, some of each."""
    digits = sum(char.isdigit() for char in match[0])
    return HIDDEN if 2 <= digits <= len(match[0]) - 2 else match[0]


_Replacement = str | Callable[[re.Match[str]], str]
_PATTERNS: Final[tuple[tuple[re.Pattern[str], _Replacement], ...]] = (
    (re.compile(r"-----BEGIN [A-Z ]{1,40}-----[\s\S]*?(?:-----END [A-Z ]{1,40}-----|\Z)"), HIDDEN),
    (re.compile(r"(?i)\b((?:set-)?cookie|authorization)(\s*:\s*)[^\n]+"), rf"\1\2{HIDDEN}"),
    (
        re.compile(rf"(?i)({_KEY_IN_TEXT}[\"']?\s*[:=]\s*)(b?\"[^\"\n]*\"?|b?'[^'\n]*'?|[^\s,;&}})\]]+)"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic) +[\w.+/=~-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w.-]+"), HIDDEN),  # a JSON web token
    (re.compile(r"(?i)(?<![0-9a-f:])(?:[0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}(?![0-9a-f:])"), HIDDEN),  # MAC address
    (re.compile(r"[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+"), _email),
    (re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{16}(?![0-9a-f])"), _last_four),  # UDID, phones since 2018
    (re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])"), _last_four),  # UDID, older phones
    (re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])"), _last_four),  # UUID
    (re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])"), HIDDEN),
    (re.compile(r"(?<![\w./~+-])[A-Za-z0-9+_-][A-Za-z0-9+/_-]{31,}={0,2}"), _if_random),
    (re.compile(r"\+\d[\d ()./-]{6,20}\d"), HIDDEN),  # phone number, international
    (re.compile(r"(?<![\w-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"), HIDDEN),  # and American
    (re.compile(r"(?<!\d)(?:\d{15}|89\d{17,18})(?!\d)"), HIDDEN),  # IMEI, ICCID
    (re.compile(r"(?<![\w-])[A-Z0-9]{10,12}(?![\w-])"), _if_serial),
)


def configure(*, level: str = "info", json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send every log, ours and the libraries', to ``stream``; may be called again to change its mind.

    :param level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``, in any case.
    :param json: JSON lines; None means: unless ``stream`` is a terminal, and as fields where it is systemd's journal.
    :param stream: standard error when None.
    :raises ValueError: no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no such log level: {text.plain(level)}")
    target = stream if stream is not None else sys.stderr
    terminal = target.isatty()
    as_json = not terminal if json is None else json
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # module-level loggers follow a later change
    )
    from backupwatch.service import journal

    to_journal = as_json and json is None and stream is None and journal.is_ours()
    handler = journal.JournalHandler(target) if to_journal else _Handler(target)
    handler.addFilter(_not_chatter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                partial(redact, one_line=not as_json),
                structlog.processors.JSONRenderer() if as_json else _console(terminal),
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler | journal.JournalHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any], *, one_line: bool = False
) -> MutableMapping[str, Any]:
    """The processor through which both chains pass last: secrets out by name and by look, text made harmless.

    :param one_line: also keep line breaks out, as a terminal wants it; tracebacks keep theirs, indented so that
        no line of theirs can pass for an entry.
    """
    for key, value in list(event.items()):
        if key in {"exception", "stack"}:
            lines = _clean(str(value)[-_MAX_TRACEBACK:]).split("\n")
            event[key] = "\n".join(f"    {line}" for line in lines) if one_line else "\n".join(lines)
        else:
            event[key] = _value(key, value, one_line, 0)
    return event


def _value(key: str, value: object, one_line: bool, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", key).strip().lower()
    if words not in _HARMLESS and _SECRET_WORDS.search(words):
        return HIDDEN
    if isinstance(value, str) and re.search(r"\budids?\b", words):
        return text.short_udid(value)
    if isinstance(value, str) and re.search(r"\bapple ?id\b", words):
        return text.masked_account(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _members(key, value, one_line, depth + 1) if depth < _MAX_DEPTH else "…"
    return value if isinstance(value, int | float) else _leaf(value, one_line)


def _members(key: str, value: object, one_line: bool, depth: int) -> Any:
    if isinstance(value, Mapping):
        named = ((_string(name), inner) for name, inner in islice(value.items(), _MAX_ITEMS))
        return {_leaf(name, one_line): _value(name, inner, one_line, depth) for name, inner in named}
    return [_value(key, inner, one_line, depth) for inner in islice(cast("Iterable[object]", value), _MAX_ITEMS)]


def _leaf(value: object, one_line: bool) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    cleaned = _clean(_string(value)[: 2 * _MAX_VALUE])
    return text.plain(cleaned, _MAX_VALUE) if one_line else text.clip(cleaned, _MAX_VALUE)


def _string(value: object) -> str:
    with suppress(Exception):  # somebody else's __str__ must not cost us the line
        return str(value)
    return f"<{type(value).__name__}>"


def _clean(raw: str) -> str:
    """Without secrets and without anything that steers a terminal; line breaks stay."""
    safe = "\n".join(_harmless_line(line) for line in raw.split("\n"))
    safe = Secret.blot(safe)
    for pattern, replacement in _PATTERNS:
        safe = pattern.sub(replacement, safe)
    return safe


def _harmless_line(line: str) -> str:
    margin = len(line) - len(line.lstrip(" "))
    return " " * min(margin, 40) + text.plain(line, _MAX_VALUE)


def _not_chatter(record: logging.LogRecord) -> bool:
    """A library may lower its own loggers' level; its chatter still does not get out."""
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in QUIET


def _console(terminal: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=terminal and not os.environ.get("NO_COLOR"),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )


def keep_short(file: Path, largest: int = LARGEST) -> None:
    """Where standard error is appended to ``file`` and that has grown beyond ``largest`` bytes, begin it anew.

    What it held stands beside it until the next time. launchd, whose log this is, turns none over.
    """
    with suppress(OSError):
        ours, there = os.fstat(_STANDARD_ERROR), file.stat()
        if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino) and there.st_size > largest:
            shutil.copyfile(file, file.with_name(f"{file.name}.1"))
            os.ftruncate(_STANDARD_ERROR, 0)


class _Handler(logging.StreamHandler[TextIO]):
    """A handler whose own trouble does not print the record that caused it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        with suppress(Exception):
            self.stream.write(f"backupwatch: a log entry of {text.plain(record.name)} could not be written\n")
