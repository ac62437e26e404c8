"""The HTTP plumbing of the iCloud actor: requests in, replies out, and every way in which a reply can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

HTML: Final = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>Something went wrong</h1></body></html>"
PORTAL: Final = "http://captive.example/login?from=icloud"
"""Where a captive portal wants the browser to go; nobody may follow."""
DRIP_EVERY: Final = 0.2
"""Seconds between two bytes of a slow drip: each read is quick, the whole answer never ends in time."""


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a table; empty where it is none."""
        with contextlib.suppress(ValueError):
            data = json.loads(self.body)
            if isinstance(data, dict):
                return data
        return {}

    def cookie(self, name: str) -> str:
        """The value of one cookie without its quotes, or an empty string."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value.strip('"')
        return ""


@dataclass
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    kind: str = "application/json;charset=UTF-8"
    manner: str = ""
    """How it is sent: "" as it should be, or one of :data:`MANNERS`."""


def json_reply(data: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(data).encode(), list(headers or []))


MANNERS: Final = frozenset({"hang", "reset", "close", "drip", "truncated"})
_BODIES: Final[dict[str, tuple[int, bytes, str]]] = {
    "html": (200, HTML, "text/html"),
    "empty": (200, b"", "application/json"),
    "cut-json": (200, b'{"dsInfo": {"dsid": "1234', "application/json"),
    "nonsense": (200, b"[1, 2, 3]", "application/json"),
    "login-page": (511, HTML, "text/html"),
}


def faulty(fault: object) -> Reply:
    """The reply that a fault of the scenario stands for.

    :param fault: a status (503), a word (``html``, ``empty``, ``cut-json``, ``nonsense``, ``portal``,
        ``login-page``, ``denied``, ``hang``, ``reset``, ``close``, ``drip``, ``truncated``) or a table with
        ``status``, ``retry_after`` (seconds or an HTTP date) and ``body`` (``html``, ``json`` or ``empty``).
    :raises ValueError: none of these.
    """
    if isinstance(fault, Mapping):
        return _status(int(fault["status"]), fault.get("retry_after"), str(fault.get("body", "html")))
    if isinstance(fault, int):
        return _status(fault, None, "html")
    word = str(fault)
    if word in MANNERS:
        return Reply(200, b'{"dsInfo": {}}', manner=word)
    if word in _BODIES:
        status, body, kind = _BODIES[word]
        return Reply(status, body, kind=kind)
    if word == "portal":
        return Reply(302, b"", [("Location", PORTAL)], kind="text/html")
    if word == "denied":
        return json_reply({"serverErrorCode": "ACCESS_DENIED", "reason": "private db access disabled"}, 403)
    raise ValueError(f"unknown fault of the account: {word!r}")


def _status(status: int, retry_after: object, body: str) -> Reply:
    headers = [("Retry-After", str(retry_after))] if retry_after is not None else []
    if body == "json":
        return json_reply({"success": False, "error": "PLANTED-ERROR-BODY"}, status, headers)
    content = HTML if body == "html" else b""
    return Reply(status, content, headers, kind="text/html")


class HttpServer:
    """HTTP/1.1 with kept connections on a loopback port of its own."""

    def __init__(self, answer: Callable[[Asked], Awaitable[Reply]]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the door and every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            while (asked := await _read(reader)) is not None:
                if not await _send(await self._answer(asked), reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError, asyncio.LimitOverrunError):
            pass  # the client went away or spoke something else; its affair
        except asyncio.CancelledError:
            pass  # the curtain falls; asyncio's streams would report a cancelled connection as a failure
        finally:
            self._busy.discard(task)
            with contextlib.suppress(OSError):
                writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    """One request, or None where the client has nothing more to say."""
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    return Asked(method, url.path, dict(parse_qsl(url.query)), headers, body)


async def _send(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send a reply in its manner; False when the connection is of no more use."""
    if reply.manner == "hang":
        while await reader.read(1024):
            pass
        return False
    if reply.manner == "close":
        return False
    if reply.manner == "reset":
        _reset(writer)
        return False
    length = len(reply.body) + (1000 if reply.manner in ("truncated", "drip") else 0)
    head = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", f"Content-Type: {reply.kind}"]
    head += [f"{name}: {value}" for name, value in reply.headers]
    if reply.status not in (204, 304):
        head.append(f"Content-Length: {length}")
    writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + reply.body)
    await writer.drain()
    if reply.manner == "drip":
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(DRIP_EVERY)
    return reply.manner == ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"  # 450 is Apple's own


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
