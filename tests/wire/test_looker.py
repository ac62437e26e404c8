"""A look in a process of its own: whatever that process does, the watch goes on and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backupwatch.facts.observation import HOST, STATUS, Blind, BlindReason, Fact, Observation
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOURCE = """
import asyncio, os, pathlib, signal, subprocess, sys, tempfile, time
from backupwatch.facts.observation import HOST, Observation

def raw(content):
    fd = next(n for n in range(3, 64) if os.path.exists(f"/proc/self/fd/{n}") and os.readlink(f"/proc/self/fd/{n}").startswith("pipe:"))
    os.write(fd, content)

async def look(request):
    seen = lambda value: Observation(HOST, "usbmuxd", value, request.now, "odd")
    do = request.args["do"]
    yield seen("first")
    pathlib.Path(tempfile.gettempdir(), "key.pem").write_text("a private key")
    if do == "tell":
        yield seen({"pid": os.getpid(), "scratch": tempfile.gettempdir(), "umask": os.umask(0o077),
                    "mode": os.stat(tempfile.gettempdir()).st_mode & 0o777, "more": os.environ.get("MORE"),
                    "calls": globals().setdefault("calls", []).append(1) or len(calls)})
    elif do == "hang":
        child = subprocess.Popen(["sleep", "600"])
        pathlib.Path(request.args["note"]).write_text(f"{os.getpid()} {child.pid}")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    elif do == "await":
        await asyncio.sleep(600)
    elif do == "raise":
        raise RuntimeError("boom for anna@example.com")
    elif do == "exit":
        sys.exit(0)
    elif do == "abort":
        os.abort()
    elif do == "print":
        print('{"done":true}'); sys.stdout.flush(); os.system("echo garbage")
        yield seen("last")
    elif do == "garbage":
        raw(request.args["bytes"].encode("latin-1") * request.args.get("times", 1))
        await asyncio.sleep(600)
    elif do == "unstorable":
        yield seen(float("nan"))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A world in which workers know the source ``odd``; afterwards no temporary folder of a worker may be left."""
    (tmp_path / "odd.py").write_text(SOURCE)
    (tmp_path / "sitecustomize.py").write_text("from backupwatch.sources.look import SOURCES\nSOURCES['odd'] = 'odd'\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield tmp_path
    assert list(scratch.iterdir()) == [], "a worker's folder was left behind"
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        for child in children.read_text().split():
            assert b"backupwatch.sources.worker" not in Path(f"/proc/{child}/cmdline").read_bytes()
            assert "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text(), "a dead worker was not reaped"


def looker(place: Path, **more: Any) -> Looker:
    return Looker(
        environment={"PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]), "MORE": "yes"},
        **more,
    )


async def look(place: Path, do: str, deadline: float = 30, **args: Any) -> list[Fact]:
    return await looker(place).look("odd", Request(NOW, place, {"do": do, **args}), deadline, subject=STATUS)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_a_look_brings_facts_and_leaves_nothing(place: Path) -> None:
    """The worker has a private folder for its keys, which goes with it, and writes files only its owner may read."""
    first, second = await look(place, "tell")
    assert isinstance(first, Observation)
    assert (first.subject, first.value, first.observed_at) == (HOST, "first", NOW)
    assert isinstance(second, Observation)
    told: Any = second.value
    assert (told["umask"], told["mode"], told["more"]) == (0o077, 0o700, "yes")
    assert not alive(told["pid"])
    assert told["scratch"].startswith(str(place / "scratch"))


async def test_a_worker_that_hangs_is_killed_with_its_children(place: Path) -> None:
    """At the deadline it ends, however deaf it is; what it had seen until then is kept."""
    note = place / "note"
    facts = await look(place, "hang", 5, note=str(note))
    pid, child = note.read_text().split()
    assert not alive(int(pid))
    for _ in range(200):  # the child is init's to reap
        if not alive(int(child)):
            break
        await asyncio.sleep(0.01)
    assert not alive(int(child))
    assert [type(f) for f in facts] == [Observation, Blind]
    blind = facts[-1]
    assert isinstance(blind, Blind)
    assert (blind.reason, blind.subject, blind.look, blind.observed_at) == (BlindReason.TIMEOUT, STATUS, "odd", NOW)


@pytest.mark.parametrize("do", ["raise", "exit", "abort", "unstorable"])
async def test_a_worker_that_dies_is_a_look_that_saw_no_more(place: Path, do: str) -> None:
    """A crash is told as one, with what was seen before it, and without the library's words."""
    facts = await look(place, do)
    assert [type(f) for f in facts] == [Observation, Blind]
    blind = facts[-1]
    assert isinstance(blind, Blind)
    assert blind.reason is BlindReason.CRASHED
    assert "anna" not in blind.sentence


GARBAGE = {
    "no JSON": b"hello\n",
    "another JSON": b'{"a": 1}\n',
    "a list": b"[]\n",
    "a number": b"7\n",
    "bytes": bytes(range(128, 256)) + b"\n",
    "half a fact": b'{"subject":["host","this"],"kind":"usbmuxd"}\n',
    "an unknown subject": b'{"subject":["moon","x"],"at":"2026-11-22T12:00:00+00:00","kind":"a","value":1,"source":"b"}\n',
    "an unknown reason": b'{"subject":["host","this"],"at":"2026-11-22T12:00:00+00:00","look":"a","blind":"b","sentence":"c"}\n',
    "no time zone": b'{"subject":["host","this"],"at":"2026-11-22T12:00:00","kind":"a","value":1,"source":"b"}\n',
    "a time before time": b'{"subject":["host","this"],"at":"0001-01-01T00:00:00+23:00","kind":"a","value":1,"source":"b"}\n',
    "nested without end": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_from_a_worker_ends_the_look(place: Path, what: str) -> None:
    """Nothing but facts gets in."""
    facts = await look(place, "garbage", bytes=GARBAGE[what].decode("latin-1"))
    assert [type(f) for f in facts] == [Observation, Blind]
    assert isinstance(facts[-1], Blind)
    assert facts[-1].reason is BlindReason.CRASHED


async def test_a_line_without_end_is_not_held(place: Path) -> None:
    """A worker that talks for ever fills no memory."""
    facts = await look(place, "garbage", bytes="x" * 1000, times=10_000)
    assert isinstance(facts[-1], Blind)
    assert facts[-1].reason is BlindReason.CRASHED


async def test_a_library_that_prints_does_not_disturb(place: Path) -> None:
    """What a library or its child writes to standard output is not taken for a fact, nor for the end."""
    facts = await look(place, "print")
    assert [f.value for f in facts if isinstance(f, Observation)] == ["first", "last"]
    assert not any(isinstance(f, Blind) for f in facts)


async def test_facts_are_told_as_they_come(place: Path) -> None:
    """A progress line need not wait for the end."""
    seen: list[Fact] = []
    facts = await looker(place).look("odd", Request(NOW, place, {"do": "tell"}), 30, on_fact=seen.append)
    assert seen == facts


async def test_an_unknown_source_is_a_crash_of_the_look_only(place: Path) -> None:
    """A name that no worker knows does not raise."""
    facts = await looker(place).look("nothing", Request(NOW, place), 30)
    assert [f.reason for f in facts if isinstance(f, Blind)] == [BlindReason.CRASHED]


@pytest.mark.parametrize("deadline", [0.0, 0.001, 0.02])
async def test_a_deadline_before_the_worker_has_started_leaves_nothing(place: Path, deadline: float) -> None:
    """Even a look that is given up at once cleans up after itself."""
    facts = await look(place, "await", deadline)
    assert [f.reason for f in facts if isinstance(f, Blind)] == [BlindReason.TIMEOUT]


async def test_giving_up_in_the_middle_leaves_nothing(place: Path) -> None:
    """Ctrl-C, or a daemon that stops, ends the worker too."""
    arrived = asyncio.Event()
    task = asyncio.create_task(
        looker(place).look("odd", Request(NOW, place, {"do": "await"}), 60, on_fact=lambda _fact: arrived.set())
    )
    await asyncio.wait_for(arrived.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_kept_worker_serves_again_until_it_dies(place: Path) -> None:
    """A story reuses its workers; a dead one is replaced; all are gone at the end."""
    kept = looker(place, keep=True)

    async def once(do: str, hours: int) -> list[Fact]:
        return await kept.look("odd", Request(NOW + timedelta(hours=hours), place, {"do": do}), 30)

    told: list[Any] = [(await once("tell", n))[1] for n in range(2)]
    assert told[0].value["pid"] == told[1].value["pid"]
    assert told[1].value["calls"] == 2
    assert told[1].observed_at == NOW + timedelta(hours=1)
    assert isinstance((await once("abort", 2))[-1], Blind)
    third: Any = (await once("tell", 3))[1]
    assert third.value["pid"] != told[0].value["pid"]
    assert kept.deaths == 1
    await kept.close()
    assert not alive(third.value["pid"])


def test_a_worker_ends_when_nobody_asks_any_more() -> None:
    """A watcher that was killed leaves no workers running."""
    done = subprocess.run(
        [sys.executable, "-m", "backupwatch.sources.worker", "local-backups"],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")
