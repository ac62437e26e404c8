"""``com.apple.mobile.MCInstall``: which profiles an organisation installed, and whether the phone is supervised.

Requests and answers: pymobiledevice3 ``services/mobile_config.py``.
"""

from __future__ import annotations

import uuid
from typing import Any

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.world import PhoneWorld

NAME = "com.apple.mobile.MCInstall"


async def serve(phone: PhoneActor, channel: Channel, link: str) -> None:
    """Answer until the client leaves."""
    del link
    while True:
        request = await channel.read_plist()
        match request.get("RequestType"):
            case "GetProfileList":
                await channel.send_plist({"Status": "Acknowledged", **_profiles(phone.now())})
            case "GetCloudConfiguration":
                await channel.send_plist({"Status": "Acknowledged", **_cloud_configuration(phone.now())})
            case "HelloHostIdentifier" | "Flush":
                await channel.send_plist({"Status": "Acknowledged"})
            case _:
                error = {"ErrorCode": 4_001, "ErrorDomain": "MCInstallationErrorDomain", "LocalizedDescription": "No."}
                await channel.send_plist({"Status": "Error", "ErrorChain": [error]})


def _profiles(phone: PhoneWorld) -> dict[str, Any]:
    profiles = phone.state.profiles
    return {
        "OrderedIdentifiers": [profile.identifier for profile in profiles],
        "ProfileManifest": {
            profile.identifier: {"Description": profile.name, "IsActive": True} for profile in profiles
        },
        "ProfileMetadata": {
            profile.identifier: {
                "PayloadDisplayName": profile.name,
                "PayloadOrganization": profile.organization,
                "PayloadRemovalDisallowed": phone.state.supervised,
                "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_OID, profile.identifier)).upper(),
                "PayloadVersion": 1,
            }
            for profile in profiles
        },
    }


def _cloud_configuration(phone: PhoneWorld) -> dict[str, Any]:
    if not phone.state.supervised:
        return {}
    return {
        "CloudConfiguration": {
            "AllowPairing": True,
            "CloudConfigurationUIComplete": True,
            "ConfigurationWasApplied": True,
            "IsMDMUnremovable": True,
            "IsSupervised": True,
            "OrganizationName": phone.state.organization,
            "PostSetupProfileWasInstalled": True,
        }
    }
