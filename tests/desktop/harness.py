"""A desktop of one's own: a private session bus, a virtual screen and dunst, a real notification server.

Used by the desktop tests, and by the script that takes the pictures of the README. Nothing here touches the
desktop of the person who runs it: bus, screen, home folder and configuration lie in one temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOOLS = ("dbus-daemon", "dbus-send", "busctl", "Xvfb", "dunst", "dunstctl", "import", "convert")
PATIENCE = 15.0
"""Seconds until something that should come up counts as broken."""

_BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

# As a desktop would set it up: names the program, wraps long lines, keeps critical messages until they are read.
_DUNST_CONFIG = """[global]
    monitor = 0
    origin = top-right
    offset = 24x24
    width = 460
    height = 400
    notification_limit = 5
    padding = 14
    horizontal_padding = 16
    frame_width = 1
    frame_color = "#c9ced6"
    gap_size = 8
    corner_radius = 8
    separator_height = 1
    font = DejaVu Sans 10.5
    line_height = 3
    markup = full
    format = "<span size='small' color='#6b7280'>%a</span>\\n<b>%s</b>\\n%b"
    alignment = left
    vertical_alignment = center
    show_age_threshold = -1
    word_wrap = yes
    ignore_newline = no
    stack_duplicates = false
    hide_duplicate_count = true
    show_indicators = no
    icon_position = left
    min_icon_size = 48
    max_icon_size = 48
    text_icon_padding = 14
    sticky_history = yes
    history_length = 100
    dmenu = {folder}/choose
    always_run_script = true

[urgency_low]
    background = "#f8fafc"
    foreground = "#1f2937"
    timeout = 0
    script = {folder}/see

[urgency_normal]
    background = "#ffffff"
    foreground = "#111827"
    timeout = 0
    script = {folder}/see

[urgency_critical]
    background = "#ffffff"
    foreground = "#111827"
    frame_color = "#dc2626"
    timeout = 0
    script = {folder}/see
"""

# Dunst shows its buttons in a menu program; ours notes the entries and picks the one that the test wrote down.
_CHOOSE = """#!/bin/sh
tee '{folder}/menu' | grep -F -- "$(cat '{folder}/choice')" | head -n 1
"""

# Dunst runs this for every notification that it puts on the screen; its own list of the past leaves out the urgency.
_SEEN = """#!/bin/sh
env -0 > "{folder}/seen/$$.part" && mv "{folder}/seen/$$.part" "{folder}/seen/$DUNST_ID-$DUNST_TIMESTAMP"
"""


def missing_tools() -> list[str]:
    """Programs that this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Return as soon as ``true()``; fail after :data:`PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {PATIENCE:g} s")
        time.sleep(0.02)


@dataclass
class Process:
    """A program that ends with us."""

    popen: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


@dataclass
class PrivateBus:
    """A session bus in ``folder``, with nothing on it."""

    folder: Path
    _process: Process | None = None

    @property
    def address(self) -> str:
        return f"unix:path={self.folder}/bus"

    def start(self) -> None:
        (self.folder / "services").mkdir(parents=True, exist_ok=True)
        (self.folder / "bus").unlink(missing_ok=True)
        config = self.folder / "bus.conf"
        config.write_text(_BUS_CONFIG.format(folder=self.folder))
        popen = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert popen.stdout is not None
        assert popen.stdout.readline(), "dbus-daemon did not start"
        popen.stdout.close()
        self._process = Process(popen)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


@dataclass(frozen=True)
class Received:
    """A notification as dunst keeps it; ``title`` and ``body`` as they came over the bus.

    ``rendered`` is the Pango markup that dunst drew.
    """

    number: int
    app: str
    title: str
    body: str
    rendered: str
    urgency: str
    icon: str
    default_action: str
    raw: dict[str, Any] = field(repr=False, default_factory=dict)


@dataclass
class Desktop:
    """A screen, a bus and a notification server; ``env`` is the environment of a program that runs on it."""

    folder: Path
    size: str = "1280x720"
    _stack: ExitStack = field(default_factory=ExitStack)
    _dunst: Process | None = None

    def __enter__(self) -> Desktop:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("home", "run", "config"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "run").chmod(0o700)
        self.bus = PrivateBus(self.folder)
        self.bus.start()
        self._stack.callback(self.bus.stop)
        self.display = self._start_screen()
        self.start_server()
        self._stack.callback(self.stop_server)

    def _start_screen(self) -> str:
        ours, theirs = os.pipe()
        popen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), "-screen", "0", f"{self.size}x24", "-nolisten", "tcp"],
            pass_fds=[theirs],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(Process(popen).stop)
        os.close(theirs)
        with os.fdopen(ours) as reader:
            number = reader.readline().strip()
        assert number, "Xvfb did not start"
        return f":{number}"

    @property
    def env(self) -> dict[str, str]:
        """For a program that shall find this desktop, and nothing of the real one."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "TZ": os.environ.get("TZ", "UTC"),
            "HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "DISPLAY": self.display,
        }

    def start_server(self) -> None:
        """Start dunst and wait until it answers for the notification server's name."""
        popen = subprocess.Popen(
            self._server_command(), env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._dunst = Process(popen)
        wait_for(self._server_is_up, "dunst's start")

    def start_server_on_demand(self) -> None:
        """Let the bus start dunst when somebody first speaks to it, as many desktops do."""
        command = " ".join(["/usr/bin/env", f"DISPLAY={self.display}", *self._server_command()])
        service = self.bus.folder / "services" / "org.freedesktop.Notifications.service"
        service.write_text(f"[D-BUS Service]\nName=org.freedesktop.Notifications\nExec={command}\n")
        self._ask_bus("ReloadConfig")

    def _server_command(self) -> list[str]:
        config = self.folder / "dunstrc"
        config.write_text(_DUNST_CONFIG.format(folder=self.folder))
        (self.folder / "seen").mkdir(exist_ok=True)
        for name, script in (("choose", _CHOOSE), ("see", _SEEN)):
            (self.folder / name).write_text(script.format(folder=self.folder))
            (self.folder / name).chmod(0o700)
        return [shutil.which("dunst") or "dunst", "-conf", str(config)]

    def stop_server(self) -> None:
        """End dunst; its name leaves the bus."""
        if self._dunst is not None:
            self._dunst.stop()
            self._dunst = None

    def restart_server(self) -> None:
        self.stop_server()
        self.start_server()

    def _server_is_up(self) -> bool:
        return "true" in self._ask_bus("NameHasOwner", "string:org.freedesktop.Notifications")

    def _ask_bus(self, member: str, *arguments: str) -> str:
        to = ("--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus")
        return self._run("dbus-send", *to, f"org.freedesktop.DBus.{member}", *arguments)

    def _run(self, *command: str) -> str:
        return subprocess.run(command, env=self.env, capture_output=True, check=True, timeout=PATIENCE).stdout.decode()

    def shown(self) -> int:
        """How many notifications are on the screen now."""
        return int(self._run("dunstctl", "count", "displayed"))

    def pause(self, on: bool) -> None:
        """Hold everything back, as a screen locker tells dunst to, or show it again."""
        self._run("dunstctl", "set-paused", "true" if on else "false")

    def received(self) -> list[Received]:
        """Everything that dunst was given, oldest first; takes it off the screen, since dunst lists only its past."""
        self._run("dunstctl", "close-all")
        answer = json.loads(self._run("dunstctl", "history"))
        entries = [{key: value["data"] for key, value in entry.items()} for entry in answer["data"][0]]
        return [
            Received(
                number=entry["id"],
                app=entry["appname"],
                title=entry["summary"],
                body=entry["body"],
                rendered=entry["message"],
                urgency=self._seen(entry)["DUNST_URGENCY"].lower(),
                icon=entry["icon_path"],
                default_action=entry["default_action_name"],
                raw=entry,
            )
            for entry in reversed(entries)
        ]

    def _seen(self, entry: dict[str, Any]) -> dict[str, str]:
        """What dunst told its script when it put the notification on the screen."""
        note = self.folder / "seen" / f"{entry['id']}-{entry['timestamp'] // 1000}"  # dunst's clock, in ms and in µs
        wait_for(note.exists, "dunst's showing of a notification")
        return dict(part.split("=", 1) for part in note.read_bytes().decode().split("\0") if "=" in part)

    def click(self) -> None:
        """Click on the newest notification."""
        self._run("dunstctl", "action", "0")

    def press(self, label: str) -> None:
        """Press the button that says ``label``, by way of dunst's menu of the buttons of all notifications."""
        (self.folder / "choice").write_text(label)
        self._run("dunstctl", "context")

    def buttons(self) -> list[str]:
        """The labels that dunst offers for what is on the screen; nothing is pressed."""
        menu = self.folder / "menu"
        menu.unlink(missing_ok=True)
        self.press("\x01 no label is like this")
        wait_for(lambda: menu.exists() and menu.stat().st_size > 0, "dunst's menu")
        return [line for line in menu.read_text().splitlines() if line.strip()]

    def colours(self) -> int:
        """Different colours on the screen now; one when it is empty."""
        return int(self._run("import", "-window", "root", "-format", "%k", "info:"))

    def screenshot(self, picture: Path, *, crop: bool = False) -> Path:
        """What is on the screen, as PNG, once anything is drawn; with ``crop`` without the empty rest of it."""
        wait_for(lambda: self.colours() > 1, "the drawing of a notification")
        self._run("import", "-window", "root", str(picture))
        if crop:
            self._run(
                "convert", str(picture), "-trim", "+repage", "-bordercolor", "black", "-border", "16", str(picture)
            )
        return picture
