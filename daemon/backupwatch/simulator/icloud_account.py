"""What the simulated account says about itself: the scenario's plain words turned into Apple's documents.

The ``[account]`` table of a scenario; everything has a default:

``apple_id``, ``password``, ``protocol`` (``s2k`` or ``s2k_fo``), ``two_factor`` (``device``, ``sms``, ``key`` or
``none``), ``code`` (six digits), ``code_expired``, ``trusts`` (false: a right code still leads to no trust),
``state`` (``ok``; ``locked``; ``terms``; ``web-access-off``; ``expired``: the web cookie died, the token heals it;
``revoked``: every session and trust ended), ``china``, ``session_days``; in bytes ``total``, ``used``, ``backup``,
``photos``, ``docs``, ``mail``, ``messages``; ``over_quota``, ``almost_full``, ``paid``, ``email_verified``,
``managed``; ``devices``: a list of ``name``, ``model``, ``os``, ``online``, ``battery`` (0 to 1), ``charging``,
``low_power``, ``udid``; ``faults``: endpoint or group to a fault (see :mod:`backupwatch.simulator.icloud_http`).

Shapes: the answers recorded in pyicloud's own tests, and the fields that pyicloud's source reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

DEFAULTS: Final[Mapping[str, Any]] = {
    "apple_id": "anna@example.com",
    "password": "correct horse battery staple",
    "protocol": "s2k",
    "two_factor": "device",
    "code": "123456",
    "code_expired": False,
    "trusts": True,
    "state": "ok",
    "china": False,
    "session_days": 60,
    "total": 5_368_709_120,
    "used": 3_221_225_472,
    "backup": 1_288_490_188,
    "photos": 1_073_741_824,
    "docs": 536_870_912,
    "mail": 104_857_600,
    "email_verified": True,
    "managed": False,
    "devices": (),
    "faults": {},
}
MEDIA: Final = ("photos", "backup", "docs", "mail", "messages")
"""Apple's ``mediaKey`` words that the scenario may use."""
LABELS: Final = {"photos": "Fotos und Videos", "backup": "Backup", "docs": "Dokumente", "mail": "Mail"}
"""Localised on purpose: nobody may match on a label."""


def told(state: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario's table with the defaults underneath."""
    return {**DEFAULTS, **state}


def dsid(apple_id: str) -> str:
    """The account's number."""
    return str(10_000_000_000 + int(hashlib.sha256(apple_id.encode()).hexdigest()[:8], 16))


def session_document(state: Mapping[str, Any], base_url: str, *, trusted: bool) -> dict[str, Any]:
    """The answer of ``validate`` and ``accountLogin``."""
    two_factor = state["two_factor"] != "none"
    return {
        "dsInfo": {
            "dsid": dsid(state["apple_id"]),
            "appleId": state["apple_id"],
            "primaryEmail": state["apple_id"],
            "fullName": "PLANTED-FULL-NAME",
            "primaryEmailVerified": bool(state["email_verified"]),
            "isManagedAppleID": bool(state["managed"]),
            "hsaVersion": 2 if two_factor else 0,
            "hsaEnabled": two_factor,
            "locked": False,
            "languageCode": "en-us",
        },
        "hsaTrustedBrowser": trusted,
        "hsaChallengeRequired": two_factor and not trusted,
        "termsUpdateNeeded": state["state"] == "terms",
        "isICDRSDisabled": state["state"] == "web-access-off",
        "apps": {"find": {"canLaunchWithOneFactor": True}, "mail": {}, "photos": {}},
        "webservices": {
            "account": {"url": base_url, "status": "active"},
            "findme": {"url": base_url, "status": "active"},
            "ckdatabasews": {"url": base_url, "status": "active", "pcsRequired": True},
            "schoolwork": {},
        },
    }


def storage_document(state: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ``storageUsageInfo``."""
    total, used = int(state["total"]), int(state["used"])
    over = bool(state.get("over_quota", used >= total))
    return {
        "storageUsageByMedia": [
            {
                "mediaKey": key,
                "displayLabel": LABELS.get(key, key),
                "displayColor": "ffcc00",
                "usageInBytes": int(state[key]),
            }
            for key in MEDIA
            if state.get(key)
        ],
        "storageUsageInfo": {
            "compStorageInBytes": 0,
            "usedStorageInBytes": used,
            "totalStorageInBytes": total,
            "commerceStorageInBytes": max(0, total - 5_368_709_120),
        },
        "quotaStatus": {
            "overQuota": over,
            "haveMaxQuotaTier": False,
            "almost-full": bool(state.get("almost_full", over or used > total * 0.95)),
            "paidQuota": bool(state.get("paid", total > 5_368_709_120)),
        },
    }


def devices_document(state: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ``getDevices``."""
    return {
        "devices": [
            {
                "name": device.get("name", "iPhone"),
                "model": device.get("model", "iPhone17,1"),
                "modelDisplayName": "iPhone",
                "osVersion": f"iOS;{device.get('os', '26.1')}",
                "serialNumber": "●●●●●●●●PLANTED",
                "udid": device.get("udid", ""),
                "modelSmallPhotoURL1x": "https://example.invalid/photo.png",
                "paymentMethods": [],
            }
            for device in _devices(state)
        ],
        "paymentMethods": [],
    }


def find_my_document(state: Mapping[str, Any], now: datetime, *, asked_before: bool) -> dict[str, Any]:
    """The answer of ``initClient`` and ``refreshClient``; always with a location, which nobody may keep."""
    return {
        "statusCode": "200",
        "serverContext": {
            "sessionLifespan": 900_000,
            "callbackIntervalInMS": 10_000,
            "prsId": 1234,
            "theftLoss": None,
            "token": "PLANTED-FIND-MY-TOKEN",
            "asked": asked_before,
        },
        "userInfo": {"firstName": "PLANTED-FULL-NAME", "hasMembers": False},
        "content": [_find_my_row(number, device, now) for number, device in enumerate(_devices(state))],
    }


def _find_my_row(number: int, device: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    online = bool(device.get("online", True))
    return {
        "id": hashlib.sha256(f"device {number}".encode()).hexdigest()[:32],
        "name": device.get("name", "iPhone"),
        "rawDeviceModel": device.get("model", "iPhone17,1"),
        "deviceDisplayName": "iPhone",
        "deviceClass": "iPhone",
        "deviceStatus": str(device.get("status", "200" if online else "201")),
        "batteryLevel": float(device.get("battery", 0.8)) if online else 0.0,
        "batteryStatus": ("Charging" if device.get("charging") else "NotCharging") if online else "Unknown",
        "lowPowerMode": bool(device.get("low_power", False)),
        "fmlyShare": bool(device.get("family", False)),
        "lostModeEnabled": False,
        "location": {
            "latitude": 48.1374789,
            "longitude": 11.5754815,
            "timeStamp": int(now.timestamp() * 1000) - 60_000,
            "isOld": not online,
        },
    }


def _devices(state: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return list(state["devices"])


def sign_in_page(state: Mapping[str, Any], *, html: bool) -> dict[str, Any]:
    """What ``GET /appleauth/auth`` tells about the second factor: boot data (HTML) or options (JSON)."""
    number = {"id": 1, "numberWithDialCode": "+49 ••••• •••••12", "nonFTEU": True}
    if state["two_factor"] == "sms":
        number |= {"pushMode": "sms"}
    phones = {"trustedPhoneNumber": number, "trustedPhoneNumbers": [number]}
    if not html:
        options: dict[str, Any] = {"authType": "hsa2", "phoneNumberVerification": phones}
        if state["two_factor"] == "key":
            challenge = {"challenge": "AAAA", "keyHandles": ["AAAA"], "rpId": "apple.com"}
            options |= {"fsaChallenge": challenge, "keyNames": ["Anna's blue key"]}
        return options
    has_device = state["two_factor"] == "device"
    return {
        "direct": {
            "authInitialRoute": "auth/verify/device/code" if has_device else "auth/verify/phone",
            "hasTrustedDevices": has_device,
            "twoSV": {"authFactors": ["sms"], "bridgeInitiateData": {"phoneNumberVerification": phones}},
        }
    }
