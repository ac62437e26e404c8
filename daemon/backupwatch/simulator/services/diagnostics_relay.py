"""``com.apple.mobile.diagnostics_relay``: battery and Wi-Fi from the I/O registry; it restarts nothing.

Requests and answers: libimobiledevice ``src/diagnostics_relay.c``, pymobiledevice3 ``services/diagnostics.py``.
"""

from __future__ import annotations

from typing import Any

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.world import PhoneWorld

NAME = "com.apple.mobile.diagnostics_relay"

_LINK_VALID, _LINK_ACTIVE = 1, 2
"""``kIONetworkLinkValid`` and ``kIONetworkLinkActive`` of IOKit's ``IONetworkMedium.h``."""


async def serve(phone: PhoneActor, channel: Channel, link: str) -> None:
    """Answer until the client says goodbye."""
    del link
    while True:
        request = await channel.read_plist()
        match request.get("Request"):
            case "Goodbye":
                await channel.send_plist({"Status": "Success"})
                return
            case "IORegistry":
                entry = registry_entry(phone.now(), request)
                diagnostics = {"IORegistry": entry} if entry else {}
                await channel.send_plist({"Status": "Success", "Diagnostics": diagnostics})
            case "MobileGestalt":  # refused since iOS 17.4
                answer = {"MobileGestalt": {"Status": "MobileGestaltDeprecated"}}
                await channel.send_plist({"Status": "Success", "Diagnostics": answer})
            case "GasGauge":
                battery = _battery(phone.now())
                gauge = {key: battery[key] for key in ("CycleCount", "DesignCapacity")} | {"Status": "Success"}
                await channel.send_plist({"Status": "Success", "Diagnostics": {"GasGauge": gauge}})
            case "Restart" | "Shutdown" | "Sleep":
                await channel.send_plist({"Status": "Failure"})
            case _:
                await channel.send_plist({"Status": "UnknownRequest"})


def registry_entry(phone: PhoneWorld, request: dict[str, Any]) -> dict[str, Any] | None:
    """The registry entry that the request names by class or by name; None where the phone has no such entry."""
    if request.get("EntryClass") == "IOPMPowerSource":
        return _battery(phone)
    if request.get("EntryName") == "AppleBCMWLANSkywalkInterface" and phone.major >= 13:
        return _wifi(phone)
    if request.get("EntryClass") == "IO80211Interface" and phone.major < 13:
        return _wifi(phone)
    return None


def _battery(phone: PhoneWorld) -> dict[str, Any]:
    charge, power = phone.state.battery, phone.on_power
    cable = phone.state.connection in ("usb", "both")
    entry: dict[str, Any] = {
        "BatteryInstalled": True,
        "CurrentCapacity": charge,
        "CycleCount": 212,
        "DesignCapacity": 3_582,
        "ExternalConnected": power,
        "FullyCharged": power and charge == 100,
        "IsCharging": power and charge < 100,
        "MaxCapacity": 100,
        "Temperature": 2_950,
        "Voltage": 4_180,
    }
    if power:
        entry["AdapterDetails"] = {"Watts": 5 if cable else 20, "IsWireless": False}
    return entry


def _wifi(phone: PhoneWorld) -> dict[str, Any]:
    joined = phone.state.wifi
    entry: dict[str, Any] = {
        "BSD Name": "en0",
        "IOLinkStatus": _LINK_VALID | _LINK_ACTIVE if joined else _LINK_VALID,
        "IOMACAddress": bytes.fromhex(phone.wifi_address.replace(":", "")),
        "IO80211Channel": 44 if joined else 0,
        "IO80211CountryCode": "DE",
    }
    if joined and phone.major < 16:  # later phones keep the network's name to themselves
        entry["IO80211SSID"] = "Home"
    return entry
