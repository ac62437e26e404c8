"""One connection of a simulated phone: bytes in, bytes out, TLS switched on and off in the middle, and ways to fail."""

from __future__ import annotations

import asyncio
import plistlib
import socket
import ssl
import struct
from contextlib import suppress
from typing import Any

MAX_PLIST = 16 * 1024 * 1024
"""Bytes; a client that announces more is cut off, as lockdownd does with nonsense."""

_CHUNK = 65_536
SLOW_PIECE = 64
"""Bytes per piece on a link with the fault ``slow``."""


class Channel:
    """A stream pair with optional TLS on top.

    TLS runs in memory (:class:`ssl.MemoryBIO`) instead of ``StreamWriter.start_tls``: a ClientHello that arrived
    before we asked for TLS is then already in the reader and not lost, and ``StopSession`` can return to plain text.
    Every method raises :class:`ConnectionError` or :class:`asyncio.IncompleteReadError` when the peer is gone.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.pause = 0.0
        """Seconds between two pieces of :data:`SLOW_PIECE` bytes; 0 for a healthy link."""

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self._tls is not None

    # -- plain bytes -----------------------------------------------------------------------------------------

    async def read_exactly(self, size: int) -> bytes:
        """``size`` bytes, decrypted where TLS is on."""
        if self._tls is None:
            return await self._reader.readexactly(size)
        got = bytearray()
        while len(got) < size:
            piece = await self._through_tls("read", size - len(got))
            if not piece:
                raise asyncio.IncompleteReadError(bytes(got), size)
            got += piece
        return bytes(got)

    async def send(self, data: bytes) -> None:
        """Send ``data``, encrypted where TLS is on, in dribs and drabs where the link is slow."""
        if self._tls is None:
            await self._put(data)
            return
        view = memoryview(data)
        while view:
            written = await self._through_tls("write", view)
            view = view[written:]

    async def _put(self, data: bytes) -> None:
        if not self.pause:
            self._writer.write(data)
            await self._writer.drain()
            return
        for start in range(0, len(data), SLOW_PIECE):
            self._writer.write(data[start : start + SLOW_PIECE])
            await self._writer.drain()
            await asyncio.sleep(self.pause)

    # -- property lists, as lockdownd and most services frame them ---------------------------------------------

    async def read_plist(self) -> dict[str, Any]:
        """One message: four bytes of length (big endian), then a plist dictionary."""
        (size,) = struct.unpack(">I", await self.read_exactly(4))
        if size > MAX_PLIST:
            raise ConnectionError(f"the client announced {size} bytes")
        try:
            message = plistlib.loads(await self.read_exactly(size))
        except Exception as error:  # expat, plistlib and struct each have their own
            raise ConnectionError("the client sent something that is no plist") from error
        if not isinstance(message, dict):
            raise ConnectionError("the client sent a plist that is no dictionary")
        return message

    async def send_plist(self, message: Any, *, binary: bool = False) -> None:
        """Frame and send one message."""
        await self.send(frame(message, binary=binary))

    # -- TLS ---------------------------------------------------------------------------------------------------

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server.

        :raises ConnectionError: the client refused us, or has another certificate than the one it was paired with.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        await self._through_tls("do_handshake")

    async def stop_tls(self) -> None:
        """Say goodbye on the TLS layer and go on in plain text (lockdownd after ``StopSession``)."""
        if self._tls is not None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._through_tls("unwrap")
            self._tls = None

    async def _through_tls(self, operation: str, *arguments: Any) -> Any:
        """Run one operation of the SSL object, feeding it from the socket as long as it wants more."""
        assert self._tls is not None
        while True:
            try:
                result = getattr(self._tls, operation)(*arguments)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._reader.read(_CHUNK)
                if not data:
                    raise ConnectionResetError("the client went away") from None
                self._incoming.write(data)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                with suppress(OSError):
                    await self._flush()
                raise ConnectionError(f"TLS: {error.reason}") from error
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._put(data)

    # -- endings -------------------------------------------------------------------------------------------------

    async def hang(self) -> None:
        """Say nothing for ever; returns when the peer gives up."""
        while await self._reader.read(_CHUNK):
            pass

    async def close(self) -> None:
        """Close politely."""
        if self._tls is not None:
            with suppress(ConnectionError, ssl.SSLError, OSError):
                try:
                    self._tls.unwrap()
                except ssl.SSLWantReadError:
                    await self._flush()
        self._writer.close()

    def abort(self) -> None:
        """Tear the connection down; over TCP the peer sees a reset."""
        sock = self._writer.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def frame(message: Any, *, binary: bool = False) -> bytes:
    """A plist with its four bytes of length in front.

    Binary also where XML cannot say it: a name with control characters, for instance.
    """
    try:
        body = plistlib.dumps(message, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML)
    except ValueError:
        body = plistlib.dumps(message, fmt=plistlib.FMT_BINARY)
    return struct.pack(">I", len(body)) + body
