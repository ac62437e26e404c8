"""The worker of ``backupwatch pair``: the one place in the program that asks a phone for trust.

Reads one JSON request ``{"udid", "patience_s"}`` from standard input and answers with JSON lines ``{"step": WORD}``;
the words are those of :class:`backupwatch.setup.pairing.Step`, the last line is ``trusted`` or ``{"failed": WORD}``.

A phone shows the Trust dialog at the first Pair request and answers further ones with "pending" until somebody
taps; so one run of this worker means at most one dialog. A refusal is never followed by another request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from typing import Any, TextIO

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pymobiledevice3.exceptions import (
    LockdownError,
    PairingDialogResponsePendingError,
    PasswordRequiredError,
    UserDeniedPairingError,
)
from pymobiledevice3.lockdown import LockdownClient, UsbmuxLockdownClient, create_using_usbmux
from pymobiledevice3.usbmux import MuxDevice

from backupwatch.facts.observation import BlindReason
from backupwatch.setup.pairing import Failure, Step
from backupwatch.sources import iphone_client
from backupwatch.sources.iphone_arguments import bare
from backupwatch.sources.iphone_trouble import trouble, usbmuxd_trouble
from backupwatch.sources.worker import end_with_reader

LABEL = "backupwatch"
ANSWER_S = 15.0
"""Seconds for any single conversation with the phone that waits for nobody."""

WIFI_DOMAIN, WIFI_KEY = "com.apple.mobile.wireless_lockdown", "EnableWifiConnections"
"""What Finder's "Show this iPhone when on Wi-Fi" sets."""

_FORBIDDEN = frozenset({"MCProtected", "PairingProhibited", "HostPairingProhibited"})
"""lockdownd's refusals of a supervised phone (libimobiledevice, ``lockdown.h``)."""

_REASONS = {
    BlindReason.NO_USBMUXD: Failure.NO_USBMUXD,
    BlindReason.PERMISSION: Failure.NO_USBMUXD,
    BlindReason.USBMUXD_BROKEN: Failure.NO_USBMUXD,
    BlindReason.TIMEOUT: Failure.SILENT,
    BlindReason.GONE: Failure.GONE,
    BlindReason.CONNECTION: Failure.GONE,
    BlindReason.LOCKED: Failure.LOCKED,
}


class GaveUpError(Exception):
    """The pairing ends here, for a reason that the person can be told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class Pairing:
    """One attempt."""

    def __init__(self, udid: str, patience: float, answers: TextIO) -> None:
        self._udid = udid
        self._until = time.monotonic() + patience
        self._answers = answers
        self._last: Step | None = None

    async def run(self) -> None:
        """Wait for the unlock, ask for trust once, switch Wi-Fi access on."""
        device = await self._device()
        async with await self._connect(device) as client:
            if client.paired:
                self._tell(Step.ALREADY)
                with contextlib.suppress(OSError):  # usbmuxd has it; without usbmuxd Wi-Fi needs a copy of our own
                    await LockdownClient.save_pair_record(client)
            else:
                await self._ask(client)
        # A fresh connection proves that what was saved is what the phone now accepts.
        async with await self._connect(device) as client:
            if not client.paired:
                raise GaveUpError(Failure.NOT_ACCEPTED)
            self._tell(Step.WIFI if await self._allow_wifi(client) else Step.NO_WIFI)

    async def _device(self) -> MuxDevice:
        iphone_client.adopt_address()
        try:
            async with asyncio.timeout(ANSWER_S):
                devices = await iphone_client.list_devices()
        except Exception as error:
            raise GaveUpError(_REASONS.get(usbmuxd_trouble(error)[0], Failure.NO_USBMUXD)) from error
        here = [device for device in devices if bare(device.serial) == bare(self._udid)]
        if not here:
            raise GaveUpError(Failure.GONE)
        return min(here, key=lambda device: not device.is_usb)

    async def _connect(self, device: MuxDevice) -> UsbmuxLockdownClient:
        """A client that has tried the saved pair record and asked for nothing."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await create_using_usbmux(
                        serial=device.serial,
                        label=LABEL,
                        autopair=False,
                        connection_type=device.connection_type,
                    )
            except PasswordRequiredError:  # trusted, but not unlocked since it started
                await self._wait_for_unlock()

    async def _ask(self, client: UsbmuxLockdownClient) -> None:
        device = client.service.mux_device
        if device is not None and not device.is_usb:
            raise GaveUpError(Failure.NO_CABLE)
        key = generate_private_key(
            public_exponent=65_537, key_size=2_048
        )  # one key for the whole attempt, and few seconds lost
        while True:
            if await self._locked(client):
                await self._wait_for_unlock()
                continue
            self._tell(Step.TRUST)
            try:
                # Through create_using_usbmux the client knows this computer's SystemBUID and where to save.
                async with asyncio.timeout(max(1.0, self._left()) + ANSWER_S):
                    await client.pair(timeout=max(1.0, self._left()), private_key=key)
                self._tell(Step.TRUSTED)
                return
            except PasswordRequiredError:  # locked meanwhile: no dialog was shown
                await self._wait_for_unlock()
            except PairingDialogResponsePendingError as error:
                raise GaveUpError(Failure.NO_ANSWER) from error
            except UserDeniedPairingError as error:
                raise GaveUpError(Failure.DENIED) from error
            except LockdownError as error:
                if getattr(error, "error", None) in _FORBIDDEN:
                    raise GaveUpError(Failure.FORBIDDEN) from error
                raise

    async def _locked(self, client: UsbmuxLockdownClient) -> bool:
        async with asyncio.timeout(ANSWER_S):
            value: Any = await client.get_value(None, "PasswordProtected")
        return value is True

    async def _wait_for_unlock(self) -> None:
        self._tell(Step.UNLOCK)
        if self._left() <= 0:
            raise GaveUpError(Failure.LOCKED)
        await asyncio.sleep(min(1.0, self._left()))

    async def _allow_wifi(self, client: UsbmuxLockdownClient) -> bool:
        """Whether the phone may be looked at without the cable from now on."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await client.set_value(True, WIFI_DOMAIN, WIFI_KEY)
                return await client.get_value(WIFI_DOMAIN, WIFI_KEY) is True
        except (LockdownError, TimeoutError):
            return False

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _tell(self, step: Step) -> None:
        if step is not self._last:
            self._last = step
            print(json.dumps({"step": step.value}), file=self._answers, flush=True)


async def attempt(request: dict[str, Any], answers: TextIO) -> None:
    """Run one attempt and tell how it ended."""
    try:
        await Pairing(str(request["udid"]), float(request["patience_s"]), answers).run()
    except GaveUpError as end:
        failure = end.failure
    except BaseException as error:  # noqa: BLE001 - the border of the worker; the library lets anything out
        failure = _REASONS.get(trouble(error)[0], Failure.UNKNOWN)
    else:
        print(json.dumps({"done": True}), file=answers, flush=True)
        return
    print(json.dumps({"failed": failure.value}), file=answers, flush=True)


def main() -> None:
    """Serve one request on the standard streams."""
    os.umask(0o077)  # the library writes the pair record, a private key, with the process's umask
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Nobody who waits for a killed `pair` could be told what to tap.
    threading.Thread(target=end_with_reader, args=(answers.fileno(),), daemon=True).start()
    asyncio.run(attempt(json.loads(sys.stdin.readline()), answers))


if __name__ == "__main__":
    main()
