"""What a person and a script meet at the command line: the real commands against simulated phones."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simulator_kit import short_folder

from backupwatch import checks
from backupwatch.clock import utc_now
from backupwatch.simulator import scenario
from backupwatch.simulator.stage import Stage

ANNA, ANTON, BEN = "00008140-001C2D3E4F50001C", "00008140-001C2D3E4F50001D", "00008120-0011223344556677"
NASTY = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J \u202egnp\u202c one\ntwo\r\n<b>bold</b> %s {0} `reboot` "
FAMILY = f"""
title = "Anna is fine, Ben is not, and somebody chose her own name"
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
connection = "usb"
backups = [{{}}]
[[phone]]
udid = "{ANTON}"
name = "Anton's iPad"
connection = "usb"
backups = [{{}}]
[[phone]]
udid = "{BEN}"
name = "Ben's iPhone"
connection = "network"
backups = [{{ last = -9 }}]
[[phone]]
udid = "00008140-00000000000000A1"
name = {json.dumps(NASTY)}
name_length = 10_000
connection = "usb"
backups = [{{}}]
"""
HANGING = f"""
title = "One hangs, one talks nonsense, one is well"
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
connection = "usb"
backups = [{{}}]
[[phone]]
udid = "{ANTON}"
name = "Hangs"
connection = "usb"
backups = [{{}}]
fault = [{{ step = "getvalue:com.apple.mobile.backup", kind = "hang" }}]
[[phone]]
udid = "{BEN}"
name = "Nonsense"
connection = "usb"
backups = [{{}}]
fault = [{{ step = "tls", kind = "garbage" }}]
"""
CAUSES = {
    "icloud-backup-off", "no-wifi", "no-power", "icloud-storage-full", "apple-outage", "sign-in-needed",
    "restart-iphone", "reset-settings", "update-ios", "managed-policy", "clock-wrong", "iphone-storage-full",
    "locked-since-restart", "restore-in-progress", "low-power-mode", "email-unverified", "metered-network",
    "pairing-lost",
}  # fmt: skip
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
COLOUR = re.compile(r"\x1b\[[0-9;]*[349][0-7]")


@dataclass
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as exactly one JSON document."""
        return json.loads(self.out)


class Home:
    """A person's computer: a home, a configuration and a state of one's own."""

    def __init__(self, folder: Path, advanced: dict[str, str]) -> None:
        self.folder, self.config = folder, folder / "config.toml"
        self.tmp = folder if len(str(folder)) < 40 else Path("/tmp")  # a socket's path must be short
        folder.mkdir(exist_ok=True)
        lines = ["[polling]", "wifi = false", "[advanced]", *(f'{key} = "{value}"' for key, value in advanced.items())]
        self.config.write_text("\n".join(lines), "utf-8")

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "DBUS_SESSION_BUS_ADDRESS"}
        }
        return kept | {
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_RUNTIME_DIR": str(self.folder),
            "BACKUPWATCH_STATE_DIR": str(self.folder / "state"),
            "BACKUPWATCH_CONFIG": str(self.config),
            "USBMUXD_SOCKET_ADDRESS": str(self.folder / "no-usbmuxd"),
            "TMPDIR": str(self.tmp),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            **more,
        }

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        environment = self.environment(**options.pop("environment", {}))
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [sys.executable, "-m", "backupwatch", *words],
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            **streams,
        )

    def run(self, *words: str, **environment: str) -> Done:
        return ended(self.start(*words, environment=environment))


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out or "", err or "")


def on_terminal(home: Home, *words: str, stream: str, **environment: str) -> str:
    """What a command writes to the one of its streams that is a terminal."""
    master, slave = pty.openpty()
    process = home.start(*words, environment={"COLUMNS": "80", **environment}, **{stream: slave})
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
        while chunk := os.read(master, 65536):
            seen += chunk
    process.communicate(timeout=60)
    os.close(master)
    return seen.decode("utf-8", "replace")


@contextlib.contextmanager
def stage_of(text: str) -> Iterator[dict[str, str]]:
    with short_folder() as folder:
        story = scenario.parse(text, "story.toml")
        with Stage.in_thread(story, folder / "s", at=utc_now(), real_time=True) as stage:
            yield dict(stage.advanced)


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    with stage_of(FAMILY) as advanced:
        yield advanced


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A check that has to wait for a phone's deadline; the other tests go on meanwhile."""
    with stage_of(HANGING) as advanced:
        process = Home(tmp_path_factory.mktemp("h") / "home", advanced).start("check", "--json")
        yield process
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def home(addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory, hanging: object) -> Home:
    return Home(tmp_path_factory.mktemp("c") / "home", addresses)


@pytest.fixture(scope="module")
def checked(home: Home) -> tuple[Done, Done]:
    """Two checks at once on the same state, as JSON and for people."""
    both = home.start("-v", "check", "--json"), home.start("check")
    return ended(both[0]), ended(both[1])


def test_check_prints_one_json_document_of_the_promised_shape_and_nothing_else(checked: tuple[Done, Done]) -> None:
    """Logs stand on standard error even when they are asked for."""
    document = checked[0].document
    assert set(document) == {"schema", "generated_at", "state", "devices", "account", "services", "watcher"}
    assert (document["schema"], document["state"], document["account"]["state"]) == (1, "overdue", "not-configured")
    assert set(document["account"]) >= {"state", "apple_id", "checked_at", "quota"}
    assert set(document["services"]) >= {"state", "checked_at", "events"}
    assert set(document["watcher"]) >= {"daemon", "last_poll_at", "problems"}
    for device in document["devices"]:
        assert set(device) >= {
            "udid", "name", "model", "os_version", "state", "last_icloud_backup", "last_local_backup", "age_seconds",
            "seen_at", "connection", "snoozed_until", "causes", "ruled_out", "not_checked",
        }  # fmt: skip
    assert checked[0].err


def test_every_cause_stands_exactly_once_for_a_phone_without_a_recent_backup(checked: tuple[Done, Done]) -> None:
    ben = next(device for device in checked[0].document["devices"] if device["udid"] == BEN)
    assert ben["state"] == "overdue"
    named = [entry["id"] for part in ("causes", "ruled_out", "not_checked") for entry in ben[part]]
    assert sorted(named) == sorted(CAUSES)
    assert {check.id for check in checks.load()} == CAUSES
    assert all(cause["evidence"] and cause["fix"] and cause["summary"] for cause in ben["causes"])
    assert all(entry["reason"] for entry in ben["not_checked"])


def test_every_time_for_programs_is_utc(checked: tuple[Done, Done]) -> None:
    def moments(value: object, key: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for name, part in value.items():
                yield from moments(part, name)
        elif isinstance(value, list):
            for part in value:
                yield from moments(part, key)
        elif isinstance(value, str) and (key.endswith("_at") or key.startswith("last_")):
            yield value

    found = list(moments(checked[0].document))
    assert len(found) > 8
    assert all(UTC_TIME.fullmatch(moment) for moment in found)


def test_the_exit_code_is_that_of_the_worst_phone_asked_for(checked: tuple[Done, Done], home: Home) -> None:
    assert [done.code for done in checked] == [2, 2]
    assert home.run("status").code == 2
    assert home.run("status", "Anna").code == 0
    young = home.folder / "young.toml"
    young.write_text(home.config.read_text("utf-8") + '\n[freshness]\noverdue_after = "30d"\n', "utf-8")
    assert home.run("--config", str(young), "status").code == 1


@pytest.mark.parametrize("word", ["Anna", "anna's iphone", ANNA, ANNA.replace("-", ""), ANNA.lower()])
def test_a_phone_is_named_by_the_beginning_of_its_name_or_by_its_udid(checked: object, home: Home, word: str) -> None:
    assert [device["udid"] for device in home.run("status", word, "--json").document["devices"]] == [ANNA]


def test_an_unknown_or_ambiguous_phone_is_one_line_and_no_verdict(checked: object, home: Home) -> None:
    for word, sentence in (("Zoe", "No phone is called “Zoe”. Known: "), ("An", "“An” fits 2 phones")):
        done = home.run("status", word)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith(sentence)
        assert done.err.count("\n") == 1


def test_a_failure_never_looks_like_a_verdict(home: Home) -> None:
    """1 and 2 would wake somebody for a stale phone; what cannot be judged is 3, elsewhere 2 is wrong usage."""
    assert home.run("check", "--nonsense").code == 3
    assert home.run("--config", str(home.folder / "none.toml"), "check").code == 3
    assert home.run("devices", "--nonsense").code == 2
    wrong = home.folder / "wrong.toml"
    wrong.write_text('[freshness]\nstale_aftr = "3d"\n', "utf-8")
    done = home.run("--config", str(wrong), "check", "--json")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"{wrong}:2:1: freshness.stale_aftr: unknown key")


def test_two_checks_at_once_do_not_disturb_each_other(checked: tuple[Done, Done]) -> None:
    assert checked[1].out.startswith("1 of 4 phones has no recent backup: Ben's iPhone.")
    assert checked[1].err == ""


def test_piped_output_holds_no_escape_codes_and_fits_80_columns(checked: tuple[Done, Done]) -> None:
    assert "\x1b" not in checked[1].out
    assert max(len(line) for line in checked[1].out.splitlines()) <= 80


def test_a_terminal_gets_colour_unless_no_color_is_set(checked: object, home: Home) -> None:
    assert COLOUR.search(on_terminal(home, "status", stream="stdout"))
    assert not COLOUR.search(on_terminal(home, "status", stream="stdout", NO_COLOR="1"))


def test_progress_is_shown_on_a_terminal_and_leaves_no_trace(checked: object, home: Home) -> None:
    shown = on_terminal(home, "devices", stream="stderr")
    assert "Looking for phones" in shown
    assert shown.endswith("\r\x1b[2K")
    assert home.run("devices").err == ""


def test_a_dumb_terminal_gets_no_escape_codes(checked: object, home: Home) -> None:
    shown = [
        on_terminal(home, "devices", stream="stderr", TERM="dumb"),
        on_terminal(home, "status", "--watch", stream="stdout", TERM="dumb"),
        on_terminal(home, "demo", "--scenario", "nope", stream="stderr", TERM="dumb"),
    ]
    assert not any("\x1b" in page for page in shown)


def test_a_failure_on_a_terminal_is_wrapped_between_words(checked: object, home: Home) -> None:
    said = on_terminal(home, "snooze", "Nobody of this name", "2h", stream="stderr")
    assert max(len(line) for line in said.splitlines()) <= 80
    assert len(said.splitlines()) > 1


def test_a_closed_standard_output_is_no_mistake(checked: object, home: Home) -> None:
    for words in (["status", "--json"], ["devices", "--json"], ["status"]):
        command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "backupwatch", *words]
        done = subprocess.run(command, env=home.environment(), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2 if words[0] == "status" else 0, "")


def test_a_nasty_name_is_harmless_wherever_it_is_shown(checked: tuple[Done, Done], home: Home) -> None:
    pages = [checked[0].out, checked[0].err, checked[1].out, home.run("status", "--plain").out, home.run("devices").out]
    for page in pages:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
        assert "title\x07" not in page
        assert "red" * 2000 not in page
        assert max(len(line) for line in page.splitlines()) < 2_000
    nasty = next(device for device in checked[0].document["devices"] if device["udid"].endswith("A1"))
    assert nasty["name"].startswith("red gnp one two <b>bold</b> %s {0} `reb")
    assert len(nasty["name"]) <= 80


def test_a_log_holds_no_udid(checked: tuple[Done, Done]) -> None:
    assert not any(udid in checked[0].err for udid in (ANNA, ANTON, BEN))


def test_devices_says_how_each_phone_is_reached(checked: object, home: Home) -> None:
    done = home.run("devices", "--json")
    assert done.code == 0
    reached = {device["udid"]: (device["trust"], device["connection"]) for device in done.document["devices"]}
    assert (reached[ANNA], reached[BEN]) == (("trusted", "usb"), ("trusted", "wifi"))
    assert "over Wi-Fi; paired" in home.run("devices").out


def test_devices_calls_nothing_reached_that_was_reached_a_moment_ago(checked: object, home: Home) -> None:
    """And people are told the time of their own place."""
    known, text = home.config, home.config.read_text("utf-8")
    try:
        known.write_text(re.sub('usbmuxd = ".*"', f'usbmuxd = "{home.folder}/none"', text), "utf-8")
        done, listed = home.run("devices", TZ="Asia/Tokyo"), home.run("devices", "--json")
    finally:
        known.write_text(text, "utf-8")
    assert (done.code, listed.code) == (0, 0)
    assert {device["connection"] for device in listed.document["devices"]} == {None}
    assert "by cable" not in done.out
    assert re.search(r"not reached now, last seen \w{3} \d+ \w{3}, \d\d:\d\d; paired", done.out)


def test_history_also_knows_a_phone_that_was_seen_once(checked: object, home: Home) -> None:
    done = home.run("history")
    assert (done.code, done.err) == (0, "")
    assert "Ben's iPhone" in done.out


def test_a_reader_that_leaves_early_is_no_verdict_and_no_traceback(checked: object, home: Home) -> None:
    process = home.start("status", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_full_disk_is_one_line(checked: object, home: Home) -> None:
    with Path("/dev/full").open("w") as full:
        done = ended(home.start("status", stdout=full))
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert done.err.startswith("There is no room left")


def test_without_usbmuxd_check_says_how_to_get_it(tmp_path: Path) -> None:
    nothing = {"usbmuxd": str(tmp_path / "none"), "system_status": "http://127.0.0.1:9/", "ios_releases": ""}
    home = Home(tmp_path / "home", nothing | {"ios_releases": "http://127.0.0.1:9/"})
    done = home.run("check")
    words = " ".join(done.out.split())
    assert done.code == 3
    assert "usbmuxd, the service that talks to iPhones, is not running" in words
    if sys.platform == "linux":
        assert "package usbmuxd" in words
        assert "sudo systemctl start usbmuxd" in words
    assert done.err == ""
    assert home.run("devices", "--json").code == 1


def test_a_phone_that_took_its_trust_back_is_greeted_as_that_and_as_nothing_else(tmp_path: Path) -> None:
    story = f'title = "x"\n[[phone]]\nudid = "{ANNA}"\nname = "Anna"\nconnection = "usb"\ntrust = "lost"\n'
    with stage_of(story) as advanced:
        home = Home(tmp_path / "home", advanced)
        home.run("devices")
        out = " ".join(home.run().out.split())
    assert "Found: Anna, which no longer trusts this computer." in out
    assert "paired" not in out


def test_snooze_and_unsnooze_say_what_they_did(checked: object, home: Home) -> None:
    assert home.run("snooze", "Ben", "2h").out.startswith("Quiet about Ben's iPhone until ")
    snoozed = home.run("status", "Ben", "--json").document["devices"][0]["snoozed_until"]
    assert UTC_TIME.fullmatch(snoozed)
    assert home.run("unsnooze", "Ben").code == 0
    wrong = home.run("snooze", "Ben", "soon")
    assert (wrong.code, wrong.err) == (
        2,
        "“soon” is no duration: it cannot be read. Write it like 90m, 36h, 3d or 2w.\n",
    )


def test_version_names_itself_and_what_it_stands_on(home: Home) -> None:
    out = home.run("version").out
    assert out.startswith("backupwatch ")
    assert re.search(r"^  pymobiledevice3 \d", out, re.MULTILINE)


# -- demo -----------------------------------------------------------------------------------------------------------

BRIEF = """
title = "Backups stopped"
days = 5
looks = ["13:00"]
[[phone]]
udid = "00008140-001C2D3E4F50001C"
name = "Anna's iPhone"
connection = "usb"
backups = [{ last = -4 }]
at = [{ day = -4, time = "12:00", icloud_backup = false }]
"""


def remains(home: Home) -> list[str]:
    """What lies in the person's folders now."""
    found = [str(path.relative_to(home.folder)) for path in home.folder.rglob("*")]
    return sorted(set(found) - {"config.toml", "brief.toml"})


@pytest.fixture
def lonely() -> Iterator[Home]:
    with short_folder() as folder:
        home = Home(folder, {})
        (folder / "brief.toml").write_text(BRIEF, "utf-8")
        yield home


def test_the_demo_tells_cause_and_fix_and_leaves_nothing_behind(lonely: Home) -> None:
    done = lonely.run("demo", "--scenario", str(lonely.folder / "brief.toml"))
    assert (done.code, done.err) == (0, "")
    assert "Anna's iPhone: no backup for " in done.out
    assert "iCloud Backup is switched off" in done.out
    assert "First step: On the iPhone open Settings" in done.out
    assert "The demo has no quiet hours" in done.out
    assert "\x1b" not in done.out
    assert remains(lonely) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_leaves_nothing_behind(lonely: Home, number: signal.Signals) -> None:
    process = lonely.start("demo", environment={"PYTHONUNBUFFERED": "1"}, preexec_fn=_with_usual_signals)
    wait_for_a_worker(lonely)
    process.send_signal(number)
    assert ended(process).code == 128 + number
    assert remains(lonely) == []
    assert workers(lonely) == []


def test_what_a_killed_demo_left_is_gone_after_the_next_command(lonely: Home) -> None:
    process = lonely.start("demo")
    wait_for_a_worker(lonely)
    process.kill()
    process.communicate()
    until = time.monotonic() + 30
    while workers(lonely) and time.monotonic() < until:
        time.sleep(0.05)
    assert workers(lonely) == []
    assert remains(lonely)
    lonely.run("demo", "--scenario", str(lonely.folder / "brief.toml"))
    assert remains(lonely) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('title = "x"\nfoo = 1\n', ":2: foo: unknown key"),
        (BRIEF.replace("-4 }]", "-4, time = 25 }]", 1), ":9: phone.0.backups.0.time: "),
        ("title = \n", ":1: "),
    ],
)
def test_a_wrong_scenario_is_one_line_with_file_line_and_key(lonely: Home, text: str, line: str) -> None:
    path = lonely.folder / "brief.toml"
    path.write_text(text, "utf-8")
    done = lonely.run("demo", "--scenario", str(path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{path}{line}") or done.err.startswith(f"brief.toml{line}")
    assert done.err.count("\n") == 1


def test_the_demo_lists_its_stories(lonely: Home) -> None:
    out = lonely.run("demo", "--list").out
    assert {"all-fine", "family-of-four", "school-cart-40", "nasty-names", "icloud-storage-full"} <= set(out.split())
    unknown = lonely.run("demo", "--scenario", "nope")
    assert (unknown.code, unknown.err) == (
        2,
        "There is no scenario called 'nope'. The list: backupwatch demo --list.\n",
    )
    assert "Did you mean all-fine?" in lonely.run("demo", "--scenario", "all-fin").err


def test_a_phone_that_hangs_costs_its_deadline_and_harms_no_other(hanging: subprocess.Popen[str]) -> None:
    """Last, because it has been waiting in the background."""
    done = ended(hanging)
    states = {device["udid"]: device["state"] for device in done.document["devices"]}
    assert states == {ANNA: "fresh", ANTON: "unknown", BEN: "unknown"}
    assert done.code == 3


def _with_usual_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def wait_for_a_worker(home: Home) -> None:
    until = time.monotonic() + 30
    while not workers(home):
        assert time.monotonic() < until, "no worker was started"
        time.sleep(0.02)


def workers(home: Home) -> list[int]:
    """Worker processes whose temporary folder lies in this home."""
    if sys.platform != "linux":
        pytest.skip("processes are looked up in /proc")
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if (
                    b"sources.worker" in (process / "cmdline").read_bytes()
                    and os.fsencode(home.tmp) in (process / "environ").read_bytes()
                ):
                    found.append(int(process.name))
    return found
