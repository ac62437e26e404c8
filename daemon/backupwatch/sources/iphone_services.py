"""What two of the phone's services add: Wi-Fi from the diagnostics, and who manages the phone.

Over Wi-Fi some phones accept these connections and close them, so they are asked over the cable only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pymobiledevice3.services.diagnostics import DiagnosticsService
from pymobiledevice3.services.mobile_config import MobileConfigService

from backupwatch.facts import kinds
from backupwatch.sources.iphone_client import PhoneClient
from backupwatch.sources.iphone_values import Values, flag, text

MAX_PROFILES: Final = 64
"""Profiles that are kept; a managed phone has a handful."""

_OF_A_NETWORK: Final = ("IO80211SSID", "IO80211BSSID", "IO80211Channel")
"""Properties of the Wi-Fi interface that are there and not empty while it is on a network. Since iOS 16 many
phones show no name (pymobiledevice3 issue 1350)."""

_LINK_VALID, _LINK_ACTIVE = 1, 2
"""Bits of ``IOLinkStatus`` (IOKit, ``IONetworkMedium.h``)."""


async def read_wifi(client: PhoneClient) -> Values:
    """Whether the phone is on a Wi-Fi network, where its diagnostics say so."""
    async with DiagnosticsService(client) as service:
        entry = await service.get_wifi()
    return wifi_facts(entry)


def wifi_facts(entry: object) -> Values:
    """The facts of the Wi-Fi interface's registry entry; none where it does not tell."""
    if not isinstance(entry, Mapping):
        return []
    if any(entry.get(key) for key in _OF_A_NETWORK):
        return [(kinds.WIFI_JOINED, True)]
    link = entry.get("IOLinkStatus")
    if isinstance(link, int) and link & _LINK_VALID:
        return [(kinds.WIFI_JOINED, bool(link & _LINK_ACTIVE))]
    return []


async def read_management(client: PhoneClient) -> Values:
    """Supervision and installed profiles."""
    async with MobileConfigService(client) as service:
        cloud = await service.get_cloud_configuration()
        profiles = await service.get_profile_list()
    return management_facts(cloud, profiles)


def management_facts(cloud: object, profiles: object) -> Values:
    """The facts of the cloud configuration (None on a private phone) and of the list of profiles."""
    configuration: Mapping[str, Any] = cloud if isinstance(cloud, Mapping) else {}
    metadata = profiles.get("ProfileMetadata") if isinstance(profiles, Mapping) else None
    rows = metadata.values() if isinstance(metadata, Mapping) else ()
    names = [row.get("PayloadDisplayName") for row in list(rows)[:MAX_PROFILES] if isinstance(row, Mapping)]
    return [
        (kinds.SUPERVISED, flag(configuration.get("IsSupervised", False))),
        (kinds.ORGANISATION, text(configuration.get("OrganizationName"))),
        (kinds.PROFILES, sorted(str(text(name)) for name in names if isinstance(name, str))),
    ]
