"""lockdownd: the front door of a phone. One :class:`Lockdown` per connection.

Messages and error names: libimobiledevice ``src/lockdown.c`` and ``include/libimobiledevice/lockdown.h``,
pymobiledevice3 ``lockdown.py``.
"""

from __future__ import annotations

import uuid
from typing import Any

from backupwatch.simulator.channel import Channel, frame
from backupwatch.simulator.faults import spoil_tls
from backupwatch.simulator.pairing import Pairing, escrow_bag
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.services.registry import SERVICES
from backupwatch.simulator.values import readable

Message = dict[str, Any]

SETTABLE = {("com.apple.mobile.wireless_lockdown", "EnableWifiConnections"), ("", "DeviceName"), ("", "TimeZone")}
"""What a paired computer may change here."""


class Refused(Exception):  # noqa: N818 - lockdownd's own word
    """lockdownd answers with an error name."""


class Lockdown:
    """One conversation with lockdownd."""

    def __init__(self, phone: PhoneActor, channel: Channel, link: str) -> None:
        self._phone = phone
        self._channel = channel
        self._link = link
        self._session: str | None = None
        self._trusted: Pairing | None = None

    async def run(self) -> None:
        """Answer requests until the client leaves."""
        while True:
            request = await self._channel.read_plist()
            name = str(request.get("Request", ""))
            handler = getattr(self, f"_on_{name.lower()}", None)
            try:
                if handler is None:
                    raise Refused("UnknownRequest" if name else "MissingRequest")
                await handler(request)
            except Refused as refusal:
                await self._reply(name.lower(), {"Request": name, "Error": str(refusal)})

    async def _reply(self, step: str, message: Message) -> None:
        await self._phone.answer(self._channel, step, self._link, frame(message))

    # -- who is there ------------------------------------------------------------------------------------------

    async def _on_querytype(self, request: Message) -> None:
        del request
        await self._reply("query", {"Request": "QueryType", "Type": "com.apple.mobile.lockdown"})

    # -- values ------------------------------------------------------------------------------------------------

    async def _on_getvalue(self, request: Message) -> None:
        domain, key = str(request.get("Domain") or ""), request.get("Key")
        everything = self._phone.values()
        visible = readable(everything, paired=self._session is not None).get(domain, {})
        if key is None:
            value: Any = dict(visible)
        else:
            value = visible.get(str(key))
        if value is None or (value == {} and key is None):
            hidden = everything.get(domain, {})
            prohibited = self._session is None and (domain or key in hidden)
            raise Refused("GetProhibited" if prohibited else "MissingValue")
        reply: Message = {"Request": "GetValue", "Value": value}
        if domain:
            reply["Domain"] = domain
        if key is not None:
            reply["Key"] = key
        await self._reply(f"getvalue:{domain}" if domain else "getvalue", reply)

    async def _on_setvalue(self, request: Message) -> None:
        domain, key = str(request.get("Domain") or ""), str(request.get("Key") or "")
        if self._session is None or (domain, key) not in SETTABLE:
            raise Refused("SetProhibited")
        if "Value" not in request:
            raise Refused("MissingValue")
        value = request["Value"]
        self._phone.overrides.setdefault(domain, {})[key] = value
        await self._reply("setvalue", {"Request": "SetValue", "Domain": domain, "Key": key, "Value": value})

    # -- sessions ----------------------------------------------------------------------------------------------

    async def _on_startsession(self, request: Message) -> None:
        if self._session is not None:
            raise Refused("SessionActive")
        trusted = self._phone.trusts(str(request.get("HostID", "")))
        if trusted is None:
            raise Refused("InvalidHostID")
        if not self._phone.now().state.unlocked_since_boot:
            raise Refused("PasswordProtected")  # the pairing data cannot be read before the first unlock
        self._session = str(uuid.uuid4()).upper()
        self._trusted = trusted
        reply = {"Request": "StartSession", "SessionID": self._session, "EnableSessionSSL": True}
        await self._reply("startsession", reply)
        if fault := self._phone.now().fault("tls", self._link):
            await spoil_tls(self._channel, fault)
        await self._channel.start_tls(trusted.tls())

    async def _on_stopsession(self, request: Message) -> None:
        if self._session is None or request.get("SessionID") != self._session:
            raise Refused("SessionInactive")
        await self._reply("stopsession", {"Request": "StopSession", "Result": "Success"})
        self._session = self._trusted = None
        await self._channel.stop_tls()

    async def _on_startservice(self, request: Message) -> None:
        if self._session is None or self._trusted is None:
            raise Refused("SessionInactive")
        name = str(request.get("Service", ""))
        if name not in SERVICES:
            raise Refused("InvalidService")
        port = await self._phone.open_service(name, self._trusted, self._link)
        reply = {"Request": "StartService", "Service": name, "Port": port, "EnableServiceSSL": True}
        await self._reply("startservice", reply)

    # -- trust -------------------------------------------------------------------------------------------------

    async def _on_pair(self, request: Message) -> None:
        if self._link == "Network":
            raise Refused("PairingProhibitedOverThisConnection")
        phone = self._phone.now()
        try:
            wanted = Pairing.from_record(request.get("PairRecord") or {})
        except ValueError:
            raise Refused("InvalidPairRecord") from None
        if phone.state.dialog == "locked" or not phone.state.unlocked_since_boot:
            raise Refused("PasswordProtected")
        self._phone.dialog_seen += 1
        if phone.state.dialog == "ignore" or self._phone.dialog_seen <= phone.state.dialog_delay:
            raise Refused("PairingDialogResponsePending")
        if phone.state.dialog == "deny":
            raise Refused("UserDeniedPairing")
        self._phone.trust(wanted)
        await self._reply("pair", {"Request": "Pair", "EscrowBag": escrow_bag(self._phone.udid)})

    async def _on_validatepair(self, request: Message) -> None:
        if self._phone.trusts(_host_id(request)) is None:
            raise Refused("InvalidHostID")
        await self._reply("validatepair", {"Request": "ValidatePair"})

    async def _on_unpair(self, request: Message) -> None:
        if self._phone.trusts(_host_id(request)) is None:
            raise Refused("InvalidHostID")
        self._phone.forget(_host_id(request))
        await self._reply("unpair", {"Request": "Unpair"})


def _host_id(request: Message) -> str:
    record = request.get("PairRecord")
    return str(record.get("HostID", "")) if isinstance(record, dict) else ""
