"""The kinds of fact: their names, what they hold, and how the store keeps them.

``SLOW`` kinds extend their interval however long nobody looked (a version, a switch, a date). ``SAMPLE`` kinds
are true only for the moments at which they were seen: an interval ends when nobody looked for
:data:`SAMPLE_GAP`. ``EVENT`` kinds happened once, at ``value["at"]``; each distinct value is kept once.
Moments inside values are RFC 3339 strings in UTC. A key that the phone says it does not have is the value None.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Keep(StrEnum):
    """How the store compacts a kind."""

    SLOW = "slow"
    SAMPLE = "sample"
    EVENT = "event"


class LogWord(StrEnum):
    """``what`` of a :data:`LOG` event: what backupd said."""

    ON_CONDITION = "on-condition"  # fields: enabled, locked, onPower, onWiFi, onCellular, …; restoring if so
    OFF_CONDITION = "off-condition"  # the same fields
    POLICY = "policy"  # a managed policy forbids iCloud Backup
    FAILURE = "failure"  # code of MBErrorDomain
    COMPLETED = "completed"
    STARTED = "started"
    ACCOUNT = "account"  # fields: enabled, emailVerified, cellular; or enabled, primary
    AUTO_BACKUP_OFF = "auto-backup-off"
    CANCELLED = "cancelled"  # code where the line has one (217–224)
    OVERDUE = "overdue"  # iOS itself warned the person
    MISSING_KEYS = "missing-keys"  # files whose keys are locked until the first unlock
    SCHEDULED = "scheduled"
    DELAYED = "delayed"
    NETWORK = "network"  # fields: available, expensive, constrained
    RESTORING = "restoring"


SAMPLE_GAP: Final = timedelta(hours=2)
"""Four times the default polling interval: a sighting says nothing about the hours in which nobody looked."""

# -- a phone ----------------------------------------------------------------------------------------------------
NAME = "name"  # str, the phone's own name, foreign
MODEL = "model"  # str, lockdown ProductType: "iPhone17,1"
OS_VERSION = "os_version"  # str: "26.1"
OS_BUILD = "os_build"  # str: "23B85"
DEVICE_CLASS = "device_class"  # str: "iPhone", "iPad", …
CONNECTION = "connection"  # "usb" | "wifi": how it was reached
TRUST = "trust"  # "trusted" | "never" (no pair record here) | "lost" (a record that the phone refuses)
CLOUD_BACKUP_ENABLED = "cloud_backup_enabled"  # bool, com.apple.mobile.backup CloudBackupEnabled
LAST_CLOUD_BACKUP = "last_cloud_backup"  # moment, or None: the phone has no such date
LAST_LOCAL_BACKUP = "last_local_backup"  # moment or None: LastiTunesBackupDate, any computer
BACKUP_DATE_PROBLEM = "backup_date_problem"  # "zero" | "absurd" | "future" | "not-a-date" | None (the iCloud date)
LOCAL_DATE_PROBLEM = "local_date_problem"  # the same words, about the local date
BACKUP_ENCRYPTED = "backup_encrypted"  # bool, WillEncrypt
ON_POWER = "on_power"  # bool, com.apple.mobile.battery ExternalConnected
BATTERY_PERCENT = "battery_percent"  # int 0–100
CHARGING = "charging"  # bool
LOCKED = "locked"  # bool, PasswordProtected: at the lock screen now
UNLOCKED_SINCE_BOOT = "unlocked_since_boot"  # bool: False when services want a first unlock
WIFI_JOINED = "wifi_joined"  # bool: on a Wi-Fi network, as the phone's diagnostics say
WIFI_ACCESS = "wifi_access"  # bool, EnableWifiConnections: may this computer reach it over Wi-Fi
CLOCK_OFFSET = "clock_offset"  # float s, the phone's clock minus this computer's, rounded to 60 s
DISK_TOTAL = "disk_total"  # int bytes
DISK_AVAILABLE = "disk_available"  # int bytes, rounded down to 100 MB so that it does not change at every look
BOOT_SESSION = "boot_session"  # str, changes when the phone starts
ACTIVATION = "activation"  # str, ActivationState
RESTORE_STATE = "restore_state"  # str, com.apple.purplebuddy RestoreState
SETUP_STATE = "setup_state"  # str, com.apple.purplebuddy SetupState
FIND_MY_ON = "find_my_on"  # bool, com.apple.fmip IsAssociated: an account is signed in
SUPERVISED = "supervised"  # bool
ORGANISATION = "organisation"  # str, foreign: who manages the phone
PROFILES = "profiles"  # list[str], foreign: display names of installed profiles
LOG = "log"  # event: {"at", "what": LogWord, "code"?, "fields"?, "text"}
LOG_HEARD = "log_heard"  # bool sample: the log could be listened to at that moment
FIND_MY_STATUS = "find_my_status"  # "online" | "offline" | "pending" | "unregistered" (account's word, sample)
FIND_MY_BATTERY = "find_my_battery"  # int percent, sample
FIND_MY_CHARGING = "find_my_charging"  # bool, sample
FIND_MY_SEEN = "find_my_seen"  # moment at which Find My last heard of it (when, never where)
LOW_POWER_MODE = "low_power_mode"  # bool, sample, account's word
# {"finished_at": moment|None, "complete": bool, "state": finished | in-progress | unfinished, "encrypted": bool|None,
# "bytes": int|None, "folder": path}: on this computer, the newest complete one, or else the newest attempt
LOCAL_BACKUP_FOLDER = "local_backup_folder"

# -- the account ------------------------------------------------------------------------------------------------
ACCOUNT_STATE = "account_state"  # contract: ok | sign-in-needed | locked | terms | web-access-off | unreachable
APPLE_ID_MASKED = "apple_id_masked"  # str, already masked
QUOTA = "quota"  # {"total_bytes", "used_bytes", "available_bytes", "backup_bytes"|None, "media": {key: bytes}}
OVER_QUOTA = "over_quota"  # bool
ALMOST_FULL = "almost_full"  # bool
PAID_QUOTA = "paid_quota"  # bool
EMAIL_VERIFIED = "email_verified"  # bool, dsInfo.primaryEmailVerified
MANAGED_ACCOUNT = "managed_account"  # bool
SESSION_EXPIRES = "session_expires"  # moment
ACCOUNT_DEVICES = "account_devices"  # list[{"name", "model", "os_version"}]
BACKUP_SHARE_CHANGED = "backup_share_changed"  # moment at which the share taken by backups was first seen changed
SIGNED_IN_AT = "signed_in_at"  # moment of the last explicit sign-in

# -- Apple's pages ----------------------------------------------------------------------------------------------
# {"service", "type", "status", "started_at"|None, "ended_at"|None} each, past ones too, oldest first; type is
# Outage | Issue | Performance | Maintenance (Apple's word if it is another), status is ongoing | resolved |
# upcoming | completed, service is spelled as in sources/apple_status.py
SERVICE_EVENTS = "service_events"
SERVICES_LISTED = "services_listed"  # list[str]: services that the page knows
# {model: {"version": newest for it, "released_at": moment|None, "own_major": {"26": newest 26.x for it, "18": …}}},
# asked models only; one that the list does not know is left out
IOS_RELEASES = "ios_releases"

# -- this computer ----------------------------------------------------------------------------------------------
USBMUXD = "usbmuxd"  # "ok"; trouble is a Blind
LOCAL_BACKUP_PLACES = "local_backup_places"  # list[str]: folders with local backups that exist and could be read

SAMPLES: Final = frozenset({
    CONNECTION, TRUST, ON_POWER, BATTERY_PERCENT, CHARGING, LOCKED, UNLOCKED_SINCE_BOOT, WIFI_JOINED, LOG_HEARD,
    FIND_MY_STATUS, FIND_MY_BATTERY, FIND_MY_CHARGING, LOW_POWER_MODE, USBMUXD, ACCOUNT_STATE,
})  # fmt: skip
EVENTS: Final = frozenset({LOG})


def keep(kind: str) -> Keep:
    """How the store keeps facts of this kind."""
    if kind in EVENTS:
        return Keep.EVENT
    return Keep.SAMPLE if kind in SAMPLES else Keep.SLOW
