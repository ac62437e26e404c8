"""Fetching a public page politely, and living from its last good copy when it cannot be had.

Nothing about any phone or account leaves by here: the request is the configured address, our name and version, and
what the server itself gave us to recognise an unchanged page.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from backupwatch import __version__, paths, text
from backupwatch.clock import age_words, parse_rfc3339
from backupwatch.errors import BackupwatchError
from backupwatch.facts.observation import Blind, BlindReason, Subject
from backupwatch.sources.look import Request

T = TypeVar("T")

CONNECT_S, READ_S = 5.0, 15.0
PATIENCE_S: Final = 30.0
"""Seconds for a whole page, name look-up and redirects included; the looker's deadline must be longer."""
MAX_BODY: Final = 20 * 1024 * 1024
"""Bytes, unpacked; the list of releases has a fifth of a megabyte, with all its history several."""
MAX_REDIRECTS: Final = 3
MAX_WAIT_S: Final = 86_400.0
"""Seconds; a longer Retry-After is nonsense."""
NOT_BOTHERED: Final = frozenset({BlindReason.NETWORK, BlindReason.PORTAL, BlindReason.NOT_CONFIGURED})
"""After these the server is asked again as soon as anybody wants to know: it has not heard of us."""
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What is known of a page.

    :ivar content: what ``parse`` made of the newest good copy, or None if there never was one.
    :ivar at: when that copy was last known to be current (aware UTC); what it says is true for then, not for now.
    :ivar trouble: why there is nothing newer, or None.
    """

    content: T | None
    at: datetime
    trouble: Blind | None = None


@dataclass(frozen=True, slots=True)
class _Copy:
    body: bytes
    at: datetime
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The last request that brought nothing, though the server heard it; ``at`` is aware UTC."""

    at: datetime
    reason: BlindReason
    sentence: str
    retry_after: float | None

    def holds(self, now: datetime, pause: timedelta) -> timedelta | None:
        """How much longer the server is left alone, or None; one from the future (a clock set back) holds nothing."""
        wait = max(pause, timedelta(seconds=min(max(self.retry_after or 0.0, 0.0), MAX_WAIT_S)))
        return wait - (now - self.at) if timedelta() <= now - self.at < wait else None


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    etag: str
    modified: str


class _Trouble(Exception):  # noqa: N818 - said inside this module only
    def __init__(self, reason: BlindReason, sentence: str, retry_after: float | None = None) -> None:
        self.reason, self.sentence, self.retry_after = reason, sentence, retry_after
        super().__init__(sentence)


async def fetch(request: Request, subject: Subject, look: str, title: str, parse: Callable[[bytes], T]) -> Page[T]:
    """The page at ``args["url"]``, read by ``parse``.

    Arguments of the request: ``url``; ``min_age_s`` (seconds, 0 if absent): a copy younger than this is served
    without asking anybody, and after a failure so much time passes as well, or more where the server asked for it;
    ``patience_s`` (seconds, 30 if absent) for the whole fetching.

    :param title: how a sentence calls the page: ``Apple's system status page``.
    :param parse: reads a body; raises ValueError for one that is not what it should be. Only a body that it can
        read replaces the last good copy.
    """
    url = str(request.args.get("url") or "")
    keeper = _Keeper(paths.cache_dir(request.state) / f"{look}.page", url)
    copy, content = keeper.load(parse)
    pause = _seconds(request.args, "min_age_s", 0.0)
    if copy is not None and timedelta() <= request.now - copy.at < pause:
        return Page(content, copy.at)
    if (failure := keeper.failure()) is not None and (left := failure.holds(request.now, pause)) is not None:
        wait = left.total_seconds() if failure.retry_after is not None else None
        blind = Blind(subject, look, failure.reason, failure.sentence, failure.at, wait)
        return _without(blind, copy, content, title, request.now)
    patience = _seconds(request.args, "patience_s", PATIENCE_S).total_seconds()
    try:
        async with asyncio.timeout(patience):
            answer = await asyncio.to_thread(_get, url, copy, patience)
        if answer is None and copy is not None:
            fresh = _Copy(copy.body, request.now, copy.etag, copy.modified)
        else:
            fresh, content = _read(answer, request.now, parse)
        keeper.save(fresh)
        return Page(content, fresh.at)
    except TimeoutError:
        trouble = _Trouble(BlindReason.TIMEOUT, "did not answer in time")
    except _Trouble as error:
        trouble = error
    if trouble.reason not in NOT_BOTHERED:
        keeper.note(_Failure(request.now, trouble.reason, trouble.sentence, trouble.retry_after))
    blind = Blind(subject, look, trouble.reason, trouble.sentence, request.now, trouble.retry_after)
    return _without(blind, copy, content, title, request.now)


def _without(blind: Blind, copy: _Copy | None, content: T | None, title: str, now: datetime) -> Page[T]:
    """What is known where the page could not be had: the last good copy, its age in the sentence."""
    sentence = f"{title} {blind.sentence}"
    if copy is not None:
        sentence += f"; its copy of {age_words(now - copy.at)} ago is used"
    return Page(content, copy.at if copy is not None else now, replace(blind, sentence=sentence))


def document(body: bytes) -> Any:
    """The JSON in a body, with or without a byte order mark and a ``name( … );`` around it.

    :raises ValueError: there is none.
    """
    script = body.decode("utf-8-sig").strip()
    if script[:1] not in {"{", "["}:
        name, bracket, rest = script.partition("(")
        inner, closing, tail = rest.rpartition(")")
        if not (bracket and closing) or not name.strip().replace(".", "").isidentifier() or tail.strip(" \n;"):
            raise ValueError("neither JSON nor a script around JSON")
        script = inner
    try:
        return json.loads(script, parse_constant=lambda _name: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _seconds(args: Mapping[str, Any], name: str, default: float) -> timedelta:
    return timedelta(seconds=float(args.get(name, default)))


def _read(answer: _Answer | None, now: datetime, parse: Callable[[bytes], T]) -> tuple[_Copy, T]:
    if answer is None:
        raise _Trouble(BlindReason.GARBAGE, "says that nothing changed, but was never read before")
    body = answer.body
    if b"<html" in body[:2048].lower() or body.lstrip()[:1] == b"<":
        raise _Trouble(BlindReason.PORTAL, "is covered by another web page, such as the sign-in page of a network")
    try:
        content = parse(body)
    except (ValueError, OverflowError) as error:
        raise _Trouble(BlindReason.GARBAGE, "answered with something unreadable") from error
    return _Copy(body, now, answer.etag, answer.modified), content


def _token(answer: requests.Response, header: str) -> str:
    """A validator that we may safely send back, or nothing."""
    value: str = answer.headers.get(header, "")
    return value if value.isascii() and value.isprintable() and len(value) <= 256 else ""


def _get(url: str, copy: _Copy | None, patience: float) -> _Answer | None:
    """The complete answer, or None for "nothing changed"; runs in a thread.

    :raises _Trouble: anything else.
    """
    headers = {"User-Agent": f"backupwatch/{__version__}", "Accept-Encoding": "gzip", "Accept": "application/json, */*"}
    if copy is not None and copy.etag:
        headers["If-None-Match"] = copy.etag
    if copy is not None and copy.modified:
        headers["If-Modified-Since"] = copy.modified
    with _named_troubles(), requests.Session() as session:
        session.auth = lambda prepared: prepared  # otherwise a password for that host in ~/.netrc would be sent
        for _ in range(MAX_REDIRECTS + 1):
            limits = (min(CONNECT_S, patience), min(READ_S, patience))
            answer = session.get(url, headers=headers, timeout=limits, stream=True, allow_redirects=False)
            target = session.get_redirect_target(answer)
            if target is None:
                return _body(answer)
            answer.close()
            target = urljoin(url, target)
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise _Trouble(BlindReason.PORTAL, "sends us to an unprotected address, as sign-in pages do")
            url = target
    raise _Trouble(BlindReason.PORTAL, "keeps sending us elsewhere, as sign-in pages of networks do")


def _body(answer: requests.Response) -> _Answer | None:
    status = answer.status_code
    if status == 304:
        return None
    if status == 429:
        raise _Trouble(BlindReason.RATE_LIMITED, "asks us to come back later", _retry_after(answer))
    if status == 511:  # RFC 6585: network authentication required
        raise _Trouble(BlindReason.PORTAL, "is covered by the sign-in page of a network")
    if status != 200:
        raise _Trouble(BlindReason.SERVER, f"answered with an error ({status})", _retry_after(answer))
    chunks, size = [], 0
    for chunk in answer.iter_content(65_536):
        size += len(chunk)
        if size > MAX_BODY:
            raise _Trouble(BlindReason.GARBAGE, "answered with far too much")
        chunks.append(chunk)
    return _Answer(b"".join(chunks), _token(answer, "ETag"), _token(answer, "Last-Modified"))


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds, from either form of the header (RFC 9110, section 10.2.3), within a day."""
    value = answer.headers.get("Retry-After", "").strip()
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if value.isdigit():
            return min(float(value[:9]), MAX_WAIT_S)
        sent = email.utils.parsedate_to_datetime(answer.headers.get("Date", ""))
        wait = (email.utils.parsedate_to_datetime(value) - sent).total_seconds()
        return min(max(wait, 0.0), MAX_WAIT_S)
    return None


@contextlib.contextmanager
def _named_troubles() -> Iterator[None]:
    """Tell the exceptions of requests, urllib3 and the sockets below apart, by type and never by their prose."""
    try:
        yield
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as e:
        raise _Trouble(BlindReason.NOT_CONFIGURED, "has no usable web address in the configuration") from e
    except requests.exceptions.Timeout as error:
        raise _Trouble(BlindReason.TIMEOUT, "did not answer in time") from error
    except requests.exceptions.SSLError as error:
        raise _Trouble(BlindReason.CONNECTION, "could not be reached over a protected connection") from error
    except requests.exceptions.ContentDecodingError as error:
        raise _Trouble(BlindReason.GARBAGE, "answered with something unreadable") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _Trouble(BlindReason.CONNECTION, "broke off in the middle of its answer") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if isinstance(error, requests.exceptions.ProxyError) or any(map(_no_network, _chain(error))):
            raise _Trouble(
                BlindReason.NETWORK, "cannot be reached: there is no way to the internet from here"
            ) from error
        if any(isinstance(inner, TimeoutError | urllib3.exceptions.ReadTimeoutError) for inner in _chain(error)):
            raise _Trouble(BlindReason.TIMEOUT, "stopped answering in the middle") from error
        raise _Trouble(BlindReason.CONNECTION, "refused or dropped the connection") from error


def _no_network(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror | urllib3.exceptions.NameResolutionError):
        return True
    return isinstance(error, OSError) and error.errno in _UNREACHABLE


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made from, whether chained or carried as an argument, as urllib3 does."""
    todo: list[BaseException] = [error]
    for inner in todo:
        yield inner
        near = (inner.__cause__, inner.__context__, getattr(inner, "reason", None), *inner.args)
        todo += [one for one in near if isinstance(one, BaseException) and all(one is not seen for seen in todo)]


_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a file that somebody else may have changed can end in."""


class _Keeper:
    """The last good copy of one page: a line of JSON about it, then the body, in one file that only we can read.

    A second file beside it keeps the failure since then, so that a restart asks no sooner than the running program.
    """

    def __init__(self, file: Path, url: str) -> None:
        self._file, self._url = file, url
        self._failed = file.with_suffix(".failed")

    def load(self, parse: Callable[[bytes], T]) -> tuple[_Copy | None, T | None]:
        """The copy and what it says; nothing if it is missing, damaged or of another address."""
        with contextlib.suppress(*_DAMAGED):
            with self._file.open("rb") as file:
                about, body = json.loads(file.readline(8192)), file.read(MAX_BODY + 1)
            if about["url"] == self._url and about["sha256"] == hashlib.sha256(body).hexdigest():
                copy = _Copy(body, parse_rfc3339(about["at"]), str(about["etag"]), str(about["modified"]))
                return copy, parse(body)
        return None, None

    def save(self, copy: _Copy) -> None:
        """Replace the copy at one stroke; a full or read-only disk costs the copy and nothing else.

        Two processes that save at the same moment may at worst spoil the copy, which the checksum notices.
        """
        about = {
            "url": self._url,
            "at": copy.at.astimezone(UTC).isoformat(),
            "etag": copy.etag,
            "modified": copy.modified,
            "sha256": hashlib.sha256(copy.body).hexdigest(),
        }
        self._replace(self._file, json.dumps(about).encode() + b"\n" + copy.body)
        with contextlib.suppress(OSError):
            self._failed.unlink(missing_ok=True)

    def failure(self) -> _Failure | None:
        """The failure since the copy was made; None if there was none, or it was at another address."""
        with contextlib.suppress(*_DAMAGED):
            with self._failed.open("rb") as file:
                note = json.loads(file.read(8192))
            if note["url"] == self._url:
                wait = None if note["retry_after"] is None else float(note["retry_after"])
                sentence = word(note["sentence"], 200)
                return _Failure(parse_rfc3339(note["at"]), BlindReason(note["reason"]), sentence, wait)
        return None

    def note(self, failure: _Failure) -> None:
        """Remember a failure."""
        note = asdict(failure) | {"url": self._url, "at": failure.at.astimezone(UTC).isoformat()}
        self._replace(self._failed, json.dumps(note).encode())

    def _replace(self, target: Path, content: bytes) -> None:
        part = target.with_name(f"{target.name}.part")
        with contextlib.suppress(OSError, BackupwatchError):
            paths.private_dir(target.parent)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)


def word(value: object, limit: int = 80) -> str:
    """A short foreign text as a fact keeps it: the text as it came, cut, white space squeezed; empty if no text."""
    return text.clip(" ".join(value.split()), limit) if isinstance(value, str) else ""
