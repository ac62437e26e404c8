"""The lockdown values of a phone: which domains and keys there are, with the types that real phones give.

Keys and types: pymobiledevice3, libimobiledevice, and published dumps of real phones.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backupwatch.simulator.pairing import device_public_key
from backupwatch.simulator.world import PhoneWorld, merged

APPLE_EPOCH = 978_307_200
"""2001-01-01 00:00 UTC in Unix seconds; the phone's backup dates count from there."""

GB = 1_000_000_000

BEFORE_PAIRING = frozenset(
    {
        "ActivationState", "BasebandStatus", "BuildVersion", "CPUArchitecture", "ChipID", "DeviceClass", "DeviceColor",
        "DeviceName", "DevicePublicKey", "HardwareModel", "HasSiDP", "HumanReadableProductVersionString",
        "PartitionType", "PasswordProtected", "ProductName", "ProductType", "ProductVersion", "ProductionSOC",
        "ProtocolVersion", "SupportedDeviceFamilies", "TelephonyCapability", "TimeIntervalSince1970", "UniqueChipID",
        "UniqueDeviceID", "WiFiAddress",
    }
)  # fmt: skip
"""Keys of the default domain that any computer may read (libimobiledevice issue 1199)."""


def since_2001(moment: datetime) -> int:
    """Whole seconds since 2001, as backupd writes its dates into lockdown."""
    return int(moment.timestamp()) - APPLE_EPOCH


def lockdown_values(phone: PhoneWorld) -> dict[str, dict[str, Any]]:
    """Everything a paired computer can read, by domain; the default domain is ``""``."""
    state = phone.state
    domains: dict[str, dict[str, Any]] = {
        "": _identity(phone),
        "com.apple.mobile.backup": _backup(phone),
        "com.apple.mobile.battery": _battery(phone),
        "com.apple.disk_usage": _disk(phone),
        "com.apple.disk_usage.factory": {**_disk(phone), "PhotoUsage": 9 * GB, "CameraUsage": 3 * GB},
        "com.apple.mobile.wireless_lockdown": {
            "EnableWifiConnections": state.wifi_sync,
            "SupportsWifi": True,
            "SupportsWifiSyncing": True,
            "BonjourFullServiceName": f"{phone.wifi_address}@fe80::1._apple-mobdev2._tcp.local.",
        },
        "com.apple.mobile.data_sync": {
            name: {"AccountNames": ["iCloud"], "Sources": ["iCloud"]}
            for name in ("Bookmarks", "Calendars", "Contacts", "Notes")
        },
        "com.apple.fmip": {"IsAssociated": state.find_my, "IsActivationLockEnabled": state.find_my},
        "com.apple.purplebuddy": {
            "SetupState": "SetupComplete",
            "RestoreState": "Restoring" if state.restoring else "Complete",
        },
        "com.apple.mobile.chaperone": {"DeviceIsChaperoned": state.supervised},
        "com.apple.mobile.restriction": {"ProhibitAppInstall": False, "ProhibitAppDelete": False},
        "com.apple.mobile.iTunes": {"ArtworkDeviceSpecific": True},
        "com.apple.international": {"Language": "en", "Locale": "en_DE", "Keyboard": "en_DE"},
    }
    for domain, values in state.values.items():
        name = "" if domain == "default" else domain
        domains[name] = merged(domains.get(name, {}), values)
    for absent in state.absent:
        domain, _, key = absent.rpartition(":")
        domains.get("" if domain == "default" else domain, {}).pop(key, None)
    return domains


def _identity(phone: PhoneWorld) -> dict[str, Any]:
    state = phone.state
    digits = phone.udid.replace("-", "")
    is_pad = state.model.startswith("iPad")
    return {
        "ActivationState": "Activated",
        "ActivationStateAcknowledged": True,
        "BootSessionID": phone.boot_session,
        "BuildVersion": state.build,
        "CPUArchitecture": "arm64e",
        "ChipID": 33_088,
        "DeviceClass": "iPad" if is_pad else "iPhone",
        "DeviceColor": "1",
        "DeviceName": state.name,
        "DevicePublicKey": device_public_key(),
        "HardwareModel": "D93AP",
        "HasSiDP": True,
        "HostAttached": True,
        "HumanReadableProductVersionString": state.os,
        "PasswordProtected": phone.locked and state.passcode,
        "ProductName": "iPhone OS",
        "ProductType": state.model,
        "ProductVersion": state.os,
        "ProductionSOC": True,
        "ProtocolVersion": "2",
        "SerialNumber": f"S{digits[-10:].upper()}",
        "SupportedDeviceFamilies": [2] if is_pad else [1],
        "TelephonyCapability": not is_pad,
        "TimeIntervalSince1970": phone.clock.timestamp(),
        "TimeZone": state.time_zone,
        "TimeZoneOffsetFromUTC": float(_offset(phone)),
        "TrustedHostAttached": True,
        "UniqueChipID": int(digits[-16:], 16),
        "UniqueDeviceID": phone.udid,
        "Uses24HourClock": True,
        "WiFiAddress": phone.wifi_address,
    }


def _offset(phone: PhoneWorld) -> int:
    """Seconds east of UTC; 0 where the zone is none."""
    try:
        offset = phone.at.astimezone(ZoneInfo(phone.state.time_zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    return int(offset.total_seconds()) if offset else 0


def _zone_name(phone: PhoneWorld) -> str:
    """``GMT+1``, as the phone abbreviates its zone beside a backup date."""
    hours = _offset(phone) // 3_600
    return f"GMT{hours:+d}" if hours else "GMT"


def _backup(phone: PhoneWorld) -> dict[str, Any]:
    values: dict[str, Any] = {
        "CloudBackupEnabled": phone.state.icloud_backup,
        "RequiresEncryption": 0,
        "Version": "2.0",
        "WillEncrypt": phone.state.encrypt_local,
    }
    if phone.last_icloud is not None:
        values |= {"LastCloudBackupDate": since_2001(phone.last_icloud), "LastCloudBackupTZ": _zone_name(phone)}
    if phone.last_local is not None:
        values |= {
            "LastiTunesBackupDate": since_2001(phone.last_local),
            "LastiTunesBackupTZ": _zone_name(phone),
            "LastBackupComputerName": "Anna's Mac",
            "LastBackupComputerType": "Mac",
        }
    return values


def _battery(phone: PhoneWorld) -> dict[str, Any]:
    charge = phone.state.battery
    return {
        "BatteryCurrentCapacity": charge,
        "BatteryIsCharging": phone.on_power and charge < 100,
        "ExternalChargeCapable": phone.on_power,
        "ExternalConnected": phone.on_power,
        "FullyCharged": phone.on_power and charge == 100,
        "GasGaugeCapability": True,
        "HasBattery": True,
    }


def _disk(phone: PhoneWorld) -> dict[str, Any]:
    total = int(phone.state.capacity_gb * GB)
    free = int(phone.state.free_gb * GB)
    system = 18 * GB
    return {
        "AmountDataAvailable": free,
        "AmountDataReserved": 200_000_000,
        "AmountRestoreAvailable": max(0, free - 200_000_000),
        "TotalDataAvailable": free,
        "TotalDataCapacity": total - system,
        "TotalDiskCapacity": total,
        "TotalSystemAvailable": 0,
        "TotalSystemCapacity": system,
    }


def readable(domains: Mapping[str, Mapping[str, Any]], *, paired: bool) -> Mapping[str, Mapping[str, Any]]:
    """What of it the client may see."""
    if paired:
        return domains
    return {"": {key: value for key, value in domains[""].items() if key in BEFORE_PAIRING}}
