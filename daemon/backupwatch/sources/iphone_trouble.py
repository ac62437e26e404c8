"""What went wrong with a phone, as a reason and a sentence, from any exception that pymobiledevice3 lets out.

Among them are some that it never meant to: parsers' own, ``AttributeError`` of an answer that is no table, and
``CancelledError`` though nobody cancelled. No exception's text is used: it may hold the phone's whole answer.
"""

from __future__ import annotations

import asyncio
import plistlib
import ssl
import struct
from xml.parsers.expat import ExpatError

from bytestruct import BinaryParseError
from pymobiledevice3.exceptions import (
    BadDevError,
    ConnectionFailedError,
    ConnectionFailedToUsbmuxdError,
    ConnectionTerminatedError,
    DeviceNotFoundError,
    GetProhibitedError,
    IncorrectModeError,
    InvalidHostIDError,
    InvalidServiceError,
    LockdownError,
    MissingValueError,
    MuxException,
    NoDeviceConnectedError,
    NotPairedError,
    PasscodeRequiredError,
    PasswordRequiredError,
    ProfileError,
    ProtocolError,
    PyMobileDevice3Exception,
    StartServiceError,
)

from backupwatch.facts.observation import BlindReason
from backupwatch.sources.iphone_client import DamagedRecordError, TlsTimeoutError

Trouble = tuple[BlindReason, str]

_R = BlindReason
_TABLE: tuple[tuple[tuple[type[BaseException], ...], Trouble], ...] = (
    ((DamagedRecordError,), (_R.UNTRUSTED, "This computer's pair record for the phone is damaged")),
    ((TlsTimeoutError,), (_R.TIMEOUT, "The phone did not finish opening a secure connection")),
    ((ConnectionFailedToUsbmuxdError,), (_R.NO_USBMUXD, "No usbmuxd is running on this computer")),
    ((DeviceNotFoundError, NoDeviceConnectedError, BadDevError), (_R.GONE, "The phone went away while it was read")),
    ((ConnectionFailedError,), (_R.CONNECTION, "The phone refused the connection")),
    ((ConnectionTerminatedError, ConnectionError, MuxException), (_R.CONNECTION, "The connection to the phone broke")),
    ((PasswordRequiredError, PasscodeRequiredError), (_R.LOCKED, "The phone was not unlocked since it started")),
    ((InvalidHostIDError, NotPairedError), (_R.UNTRUSTED, "The phone does not trust this computer")),
    ((GetProhibitedError,), (_R.PROHIBITED, "The phone does not hand this out")),
    (
        (InvalidServiceError, StartServiceError, MissingValueError, ProfileError),
        (_R.UNSUPPORTED, "The phone does not offer this here"),
    ),
    ((IncorrectModeError,), (_R.UNSUPPORTED, "The phone is in recovery mode")),
    ((TimeoutError,), (_R.TIMEOUT, "The phone did not answer in time")),
    ((asyncio.CancelledError, ssl.SSLError, OSError), (_R.CONNECTION, "The connection to the phone broke")),
    (
        (
            ProtocolError, ExpatError, plistlib.InvalidFileException, BinaryParseError, struct.error,
            AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError,
        ),
        (_R.GARBAGE, "The phone's answer cannot be understood"),
    ),
    ((LockdownError,), (_R.UNSUPPORTED, "The phone refused with an error of its own")),
    ((PyMobileDevice3Exception,), (_R.CONNECTION, "Talking to the phone failed")),
)  # fmt: skip


def trouble(error: BaseException) -> Trouble:
    """The reason and the sentence for an exception."""
    for kinds, answer in _TABLE:
        if isinstance(error, kinds):
            return answer
    return _R.CRASHED, "Reading the phone failed in an unexpected way"


def usbmuxd_trouble(error: BaseException) -> Trouble:
    """The same for an exception of usbmuxd itself."""
    if isinstance(error, ConnectionFailedToUsbmuxdError):
        return _R.NO_USBMUXD, "No usbmuxd is running on this computer"
    if isinstance(error, PermissionError):
        return _R.PERMISSION, "This user may not talk to usbmuxd"
    if isinstance(error, TimeoutError):
        return _R.USBMUXD_BROKEN, "usbmuxd does not answer"
    return _R.USBMUXD_BROKEN, "usbmuxd's answer cannot be understood"


PASSING = (ConnectionTerminatedError, ConnectionError, MuxException, OSError, asyncio.CancelledError, ssl.SSLError)
"""Troubles of a connection: they end the reading of the phone, where others only cost the part that was asked for."""
