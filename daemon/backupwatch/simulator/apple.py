"""The actor that plays Apple's public pages: system status and iOS releases, over HTTP on a loopback port.

Shapes: Apple's ``system_status_en_US.js`` as read by StatusBuddy and stts; the v2 feed of macadmins/sofa; Apple's
``gdmf.apple.com/v2/pmv``. Both feeds are answered with ETag and Last-Modified, compressed where the client can.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final

from backupwatch.simulator.icloud_http import Asked, HttpServer, Reply, faulty
from backupwatch.simulator.script import AppleEvent, AppleFault, AppleRelease
from backupwatch.simulator.world import World

STATUS_PATH: Final = "/support/systemstatus/data/system_status_en_US.js"
SOFA_PATH: Final = "/v2/ios_data_feed.json"
GDMF_PATH: Final = "/v2/pmv"

SERVICES: Final = (
    "Apple Account",
    "Find My",
    "iCloud Account & Sign In",
    "iCloud Backup",
    "iCloud Keychain",
    "iCloud Storage Upgrades",
    "iCloud Web Apps (iCloud.com)",
)
"""What Apple's page lists and a backup may depend on, in Apple's spelling."""


class Apple:
    """Apple's public pages on a loopback port.

    :ivar requests: path and status of everything that was asked, oldest first.
    """

    def __init__(self, world: Callable[[], World]) -> None:
        """:param world: answers the stage's present world."""
        self._world = world
        self._http = HttpServer(self._answer)
        self.requests: list[tuple[str, int]] = []

    async def start(self) -> None:
        """Listen."""
        await self._http.start()

    async def stop(self) -> None:
        """Close the door."""
        await self._http.stop()

    @property
    def system_status(self) -> str:
        """For ``advanced.system_status``."""
        return f"http://127.0.0.1:{self._http.port}{STATUS_PATH}"

    @property
    def ios_releases(self) -> str:
        """For ``advanced.ios_releases``, in SOFA's shape."""
        return f"http://127.0.0.1:{self._http.port}{SOFA_PATH}"

    @property
    def gdmf(self) -> str:
        """The same releases in the shape of Apple's own list."""
        return f"http://127.0.0.1:{self._http.port}{GDMF_PATH}"

    async def _answer(self, asked: Asked) -> Reply:
        world = self._world()
        documents = {
            STATUS_PATH: ("system-status", status_document),
            SOFA_PATH: ("ios-releases", sofa_document),
            GDMF_PATH: ("ios-releases", gdmf_document),
        }
        if asked.path not in documents:
            reply = Reply(404, b"Not Found", kind="text/plain")
        else:
            name, make = documents[asked.path]
            fault = _fault(world, name)
            reply = _broken(fault) if fault else _document(asked, world, make(world))
        self.requests.append((asked.path, reply.status))
        return reply


def _fault(world: World, document: str) -> AppleFault | None:
    for fault in world.scenario.apple.fault:
        if fault.document in (document, "any") and fault.active(world.at, world.today):
            return fault
    return None


def _broken(fault: AppleFault) -> Reply:
    match fault.kind:
        case "500":
            return faulty(500)
        case "503":
            return faulty({"status": 503, "retry_after": fault.retry_after})
        case "slow":
            return faulty("drip")
        case kind:
            return faulty(kind)


def _document(asked: Asked, world: World, document: dict[str, Any]) -> Reply:
    body = json.dumps(document).encode()
    if world.scenario.apple.jsonp and asked.path == STATUS_PATH:
        body = b"jsonCallback(" + body + b");"
    changed = world.at.replace(hour=0, minute=0, second=0, microsecond=0)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = [("ETag", etag), ("Last-Modified", format_datetime(changed, usegmt=True)), ("Vary", "Accept-Encoding")]
    if _still_fresh(asked, etag, changed):
        return Reply(304, b"", headers)
    if "gzip" in asked.headers.get("accept-encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    kind = "application/javascript" if asked.path == STATUS_PATH else "application/json"
    return Reply(200, body, headers, kind=kind)


def _still_fresh(asked: Asked, etag: str, changed: datetime) -> bool:
    if (known := asked.headers.get("if-none-match")) is not None:
        return etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
    try:
        return parsedate_to_datetime(asked.headers["if-modified-since"]) >= changed
    except (KeyError, ValueError, TypeError):
        return False


# -- system status -------------------------------------------------------------------------------------------------


def status_document(world: World) -> dict[str, Any]:
    """Apple's status page at this moment: past events stay in it, coming ones only where they are maintenance."""
    told: dict[str, list[dict[str, Any]]] = {service: [] for service in SERVICES}
    for missing in world.scenario.apple.unlisted:
        told.pop(missing, None)
    for number, event in enumerate(world.scenario.apple.event):
        described = _event(event, number, world)
        if described is not None:
            told.setdefault(event.service, []).append(described)
    services = [{"serviceName": name, "redirectUrl": None, "events": events} for name, events in sorted(told.items())]
    return {"drpost": False, "drMessage": None, "services": services}


def _event(event: AppleEvent, number: int, world: World) -> dict[str, Any] | None:
    start = event.from_.at(world.today)
    end = event.to.at(world.today) if event.to else None
    planned = event.type == "Maintenance"
    if world.at < start:
        if not planned:
            return None
        status = "upcoming"
    elif end is None or world.at < end:
        status = "ongoing"
    else:
        status = "completed" if planned else "resolved"
    known_end = end if end is not None and (planned or world.at >= end) else None
    return {
        "usersAffected": event.users,
        "epochStartDate": _milliseconds(start),
        "epochEndDate": _milliseconds(known_end) if known_end else None,
        "messageId": str(2_000_000 + number),
        "statusType": event.type,
        "datePosted": _pacific(start),
        "startDate": _pacific(start),
        "endDate": _pacific(known_end) if known_end else None,
        "affectedServices": None,
        "eventStatus": status,
        "message": event.message,
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)


def _pacific(moment: datetime) -> str:
    """As Apple writes it; without the date rules, since nobody may read this text."""
    return (moment - timedelta(hours=8)).strftime("%m/%d/%Y %H:%M PST")


# -- iOS releases --------------------------------------------------------------------------------------------------


def releases(world: World) -> Iterator[tuple[AppleRelease, date, list[str]]]:
    """Every release that is out, with its day and the models it is for, newest first."""
    models = sorted({world.phone(udid).state.model for udid in world.udids})
    offered = list(world.scenario.apple.release)
    if not offered:
        running: dict[tuple[str, str], list[str]] = {}
        for udid in world.udids:
            state = world.phone(udid).state
            running.setdefault((state.os, state.build), []).append(state.model)
        offered = [
            AppleRelease(version=version, build=build, day=-60, models=sorted(set(owners)))
            for (version, build), owners in running.items()
        ]
    for release in sorted(offered, key=lambda one: one.day, reverse=True):
        day = world.today + timedelta(days=release.day)
        if day <= world.at.date():
            yield release, day, release.models or models


def sofa_document(world: World) -> dict[str, Any]:
    """The feed of macadmins/sofa, version 2."""
    majors: dict[str, list[dict[str, Any]]] = {}
    for release, day, models in releases(world):
        entry = {
            "ProductVersion": release.version,
            "Build": release.build,
            "AllBuilds": [release.build],
            "ReleaseDate": _midnight(day),
            "ExpirationDate": _midnight(world.at.date() + timedelta(days=90)),
            "SupportedDevices": models,
            "SecurityInfo": "https://support.apple.com/en-us/100100",
        }
        majors.setdefault(release.version.partition(".")[0], []).append(entry)
    versions = [{"OSVersion": major, "Latest": found[0], "SecurityReleases": found} for major, found in majors.items()]
    return {
        "SchemaVersion": "2.0",
        "Version": "2.0",
        "UpdateHash": hashlib.sha256(json.dumps(versions).encode()).hexdigest(),
        "LastCheck": _midnight(world.at.date()),
        "OSVersions": sorted(versions, key=lambda one: str(one["OSVersion"]), reverse=True),
        "Devices": {},
        "BackgroundSecurityImprovements": {},
    }


def gdmf_document(world: World) -> dict[str, Any]:
    """Apple's own list; its ``iOS`` also holds a watch, as the real one does."""
    entries: list[dict[str, Any]] = [
        {
            "ProductVersion": release.version,
            "Build": release.build,
            "PostingDate": day.isoformat(),
            "ExpirationDate": (world.at.date() + timedelta(days=90)).isoformat(),
            "SupportedDevices": models,
        }
        for release, day, models in releases(world)
    ]
    watch = {"ProductVersion": "99.6.1", "Build": "99S70", "SupportedDevices": ["Watch7,1"]}
    days = {"PostingDate": world.today.isoformat(), "ExpirationDate": (world.today + timedelta(days=90)).isoformat()}
    assets = {"iOS": [*entries, {**watch, **days}], "macOS": [], "visionOS": []}
    return {"PublicAssetSets": assets, "AssetSets": assets, "PublicBackgroundSecurityImprovements": {}}


def _midnight(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat().replace("+00:00", "Z")
