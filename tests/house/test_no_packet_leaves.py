"""The demo talks to nobody: in a network of its own with a way out, not one packet takes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

INSIDE = """
set -e
ip link set lo up
ip link add way-out type veth peer name far-end
for end in way-out far-end; do
    [ ! -e /proc/sys/net/ipv6/conf/$end ] || echo 1 > /proc/sys/net/ipv6/conf/$end/disable_ipv6
done
ip link set far-end up
ip addr add 192.0.2.2/24 dev way-out
ip link set way-out up multicast on
ip route add default via 192.0.2.1 dev way-out
before=$(awk '$1 == "way-out:" { print $11 }' /proc/self/net/dev)
"$@"
after=$(awk '$1 == "way-out:" { print $11 }' /proc/self/net/dev)
echo "packets: $((after - before))"
"""


def in_a_network_of_its_own(*command: str) -> str:
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("unshare")):
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail("ip and unshare are needed")
        pytest.skip("needs root, ip and unshare")
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", INSIDE, "sh", *command],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_sends_no_packet_off_the_loopback_interface() -> None:
    out = in_a_network_of_its_own(sys.executable, "-m", "backupwatch", "demo", "--scenario", "family-of-four")
    assert "Mia's iPhone" in out
    assert out.endswith("packets: 0\n")


def test_the_counter_would_notice() -> None:
    """One datagram to nowhere is counted, so zero means zero."""
    hello = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.sendto(b'x', ('192.0.2.255', 9))"
    )
    assert not in_a_network_of_its_own(sys.executable, "-c", hello).endswith("packets: 0\n")
