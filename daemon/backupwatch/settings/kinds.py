"""How each kind of value is read from TOML, and what is said when it cannot be.

Each kind is an annotated type for the model: the reading, the limits, and the pattern that editors check while one
types. The messages stand in the report beside what was found and what is allowed, so they repeat neither.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from backupwatch.settings import duration, values

QUIET_FORM = '"22:00-07:30" (24-hour local time), or "" for none'
NIGHT_TO_SPEAK = timedelta(hours=1)
"""Quiet hours must leave at least this much of the day in which a person can be told anything."""

MOST_FOLDERS = 50
MOST_REMINDERS = 20


def _wrong(message: str) -> PydanticCustomError:
    """A failure whose message is ours; braces would be read as fields of a template."""
    return PydanticCustomError("ours", "{said}", {"said": message})


def _length(at_least: timedelta) -> BeforeValidator:
    def read(value: object) -> timedelta:
        if not isinstance(value, str):
            raise _wrong("a length of time is written as text in quotes")
        try:
            length = duration.parse(value)
        except ValueError as error:
            raise _wrong(f"not a length of time: {error}") from None
        if length < at_least:
            raise _wrong(f"too short: at least {duration.render(at_least)}")
        return length

    return BeforeValidator(read)


def _quiet_hours(value: object) -> values.QuietHours:
    if not isinstance(value, str):
        raise _wrong("quiet hours are written as text in quotes")
    if not value.strip():
        return None
    match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–—]\s*(\d{1,2}):(\d{2})\s*", value, re.ASCII)
    if match is None:
        raise _wrong("not a span of two times")
    since, until = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
    if int(match[2]) > 59 or int(match[4]) > 59 or since >= 1440 or until > 1440:
        raise _wrong("there is no such time of day")
    loud = (since - until) % 1440
    if timedelta(minutes=loud) < NIGHT_TO_SPEAK:
        raise _wrong("these quiet hours cover the whole day, so you would never be told anything")
    return (time(*divmod(since, 60)), time(*divmod(until % 1440, 60)))


def _udid(value: object) -> str:
    """25 characters with a dash since the iPhone XS, 40 before; the dash may be missing."""
    if not isinstance(value, str):
        raise _wrong("a UDID is written as text in quotes")
    if not re.fullmatch(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}", value):
        raise _wrong("this is not a UDID")
    return value


def _text(longest: int) -> BeforeValidator:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise _wrong("this is written as text in quotes")
        if len(value) > longest:
            raise _wrong(f"too long: at most {longest} characters")
        return value

    return BeforeValidator(read)


def _apple_id(value: object) -> str:
    """An e-mail address, or a telephone number as Apple allows in mainland China and some other places."""
    if not isinstance(value, str):
        raise _wrong("an Apple Account is written as text in quotes")
    account = value.strip()
    if account and not re.fullmatch(r"[^@\s]{1,128}@[^@\s]{1,128}|\+?[0-9][0-9 ()-]{4,24}", account):
        raise _wrong("this is neither an e-mail address nor a telephone number")
    return account


def _folder(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("a folder is written as text in quotes")
    if not value.startswith(("/", "~")) or "\0" in value:
        raise _wrong("a folder is named from the root or from your home")
    return value


def _usbmuxd(value: object) -> str:
    """What pymobiledevice3 takes as an address: a socket's path, or ``host:port`` split at its only colon."""
    if not isinstance(value, str):
        raise _wrong("an address is written as text in quotes")
    if value == "":
        return value
    if value.upper().startswith("UNIX:"):
        raise _wrong("write the path of the socket alone, without UNIX: before it")
    if value.startswith("["):
        raise _wrong("an IPv6 address in brackets is not understood; write a name such as localhost:27015")
    if value.startswith("/") and "\0" not in value:
        return value
    host, colon, port = value.rpartition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise _wrong("this is neither the absolute path of a socket nor host:port")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
        raise _wrong("the port is a number from 1 to 65535")
    return value


def _web_address(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("an address is written as text in quotes")
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise _wrong("this is no web address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        raise _wrong("a web address starts with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise _wrong("no user name and no password may stand in an address")
    if re.search(r"[\s\x00-\x1f]", value):
        raise _wrong("a web address holds no blanks")
    return value


def _icloud(value: object) -> str:
    """The base of all account traffic, which carries the password: plain http only to this very computer."""
    if value == "":
        return ""
    address = _web_address(value).rstrip("/")
    parts = urlsplit(address)
    if parts.query or parts.fragment:
        raise _wrong("the base address has no ? and no #")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise _wrong("your password would travel unprotected; use https:// (http:// only to this computer)")
    return address


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# What editors check while one types; written for ECMA 262, as JSON schema wants it.
_LengthSchema = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*([0-9]{1,9}\s*[A-Za-z]+\s*)+$|^\s*[Pp][0-9A-Za-z]+\s*$"}
)
_QuietSchema = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*$|^\s*[0-9]{1,2}:[0-9]{2}\s*[-–—]\s*[0-9]{1,2}:[0-9]{2}\s*$"}
)
_UdidSchema = WithJsonSchema({"type": "string", "pattern": "^([0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40})$"})
Minute = Annotated[timedelta, _length(timedelta(minutes=1)), _LengthSchema]
TenMinutes = Annotated[timedelta, _length(timedelta(minutes=10)), _LengthSchema]
Hour = Annotated[timedelta, _length(timedelta(hours=1)), _LengthSchema]
Switch = Annotated[bool, Field(strict=True)]
Counts = Literal["any", "icloud", "local", "both"]
Text = Annotated[str, _text(100), Field(max_length=100)]
Quiet = Annotated[values.QuietHours, BeforeValidator(_quiet_hours), _QuietSchema]
Udid = Annotated[str, BeforeValidator(_udid), _UdidSchema]
AppleId = Annotated[str, BeforeValidator(_apple_id)]
Folders = Annotated[tuple[Annotated[str, BeforeValidator(_folder)], ...], Field(max_length=MOST_FOLDERS)]
Reminders = Annotated[tuple[TenMinutes, ...], Field(max_length=MOST_REMINDERS)]
Usbmuxd = Annotated[str, BeforeValidator(_usbmuxd)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
ICloud = Annotated[str, BeforeValidator(_icloud)]
