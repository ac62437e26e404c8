"""``backupwatch service …``: the login service, in one command each."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from backupwatch import __version__, paths, text
from backupwatch.cli.lines import say
from backupwatch.errors import BackupwatchError
from backupwatch.service import Status, manager
from backupwatch.service.purge import everything_of_ours, forget_session, purge

app = typer.Typer(
    name="service",
    help="Start backupwatch at login, stop it, look at it, remove it.",
    no_args_is_help=True,
    suggest_commands=False,  # click suggests already
)


@app.command()
def install(ctx: typer.Context) -> None:
    """Start backupwatch now and at every login."""
    config = getattr(ctx.find_root().obj, "config_path", None)
    if config is not None:  # --config: the service shall read the same file
        os.environ[paths.CONFIG_VARIABLE] = str(config.expanduser().absolute())
    done = manager().install()
    for note in done.notes:
        say(note)
    print(done.runs, done.log, done.removal, sep="\n")
    from backupwatch.cli.welcome import next_steps

    for line in next_steps(config):
        say(line)


@app.command(short_help="Stop backupwatch and remove it from login.")
def uninstall(
    with_data: Annotated[bool, typer.Option("--purge", help="Delete the configuration and the history, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
) -> None:
    """Stop backupwatch and remove it from login; configuration and history stay."""
    doomed = everything_of_ours() if with_data else []
    if doomed and not yes:
        if not sys.stdin.isatty():
            raise BackupwatchError("--purge asks first, and nobody can answer here", fix="Add --yes", exit_code=2)
        print("This deletes:", *(f"  {path}" for path in doomed), sep="\n")
        typer.confirm("Delete all of it?", abort=True)
    for line in manager().uninstall():
        print(line)
    forget_session()
    if with_data:
        _forget_password()
        purge(doomed)
        print("Configuration and history are deleted." if doomed else "There was no configuration and no history.")


def _forget_password() -> None:
    """The password that the person may have put into the system's keyring; a keyring that is gone has none."""
    from backupwatch.setup import account_keyring
    from backupwatch.sources import icloud_files

    apple_id = icloud_files.read_note(paths.account_dir() / icloud_files.KEYRING).get("apple_id")
    if isinstance(apple_id, str) and apple_id:
        account_keyring.remove(apple_id)


@app.command()
def start() -> None:
    """Start the installed service."""
    manager().start()
    print("backupwatch runs.")


@app.command()
def stop() -> None:
    """Stop the service until the next login."""
    manager().stop()
    print("backupwatch is stopped until the next login. To keep it away: backupwatch service uninstall")


@app.command()
def restart() -> None:
    """Stop and start the service."""
    manager().restart()
    print("backupwatch runs.")


@app.command(short_help="Say how the service stands.")
def status() -> None:
    """Say how the service stands; exit code 0 when it runs, 1 when it does not."""
    now = manager().status()
    for line in describe(now):
        say(line, sys.stdout)
    if now.state not in {"running", "starting"}:
        raise typer.Exit(1)


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines to begin with.")] = 100,
) -> None:
    """Show what the service wrote."""
    raise typer.Exit(manager().logs(follow=follow, lines=lines))


def describe(now: Status) -> list[str]:
    """A service's state in a few lines."""
    if not now.installed:
        running = " although something of that name runs" if now.state == "running" else ""
        return [f"Not installed{running}. Run: backupwatch service install"]
    what = {
        "running": "Running",
        "starting": "Starting",
        "stopping": "Stopping",
        "stopped": "Installed, but not running. Run: backupwatch service start",
        "failed": f"Failed: {now.detail or 'no reason given'}. Run: backupwatch service logs",
    }[now.state]
    if now.pid and now.state != "failed":
        what += f" (process {now.pid})"
    lines = [what if what[-1] in ".)" or "Run:" in what else f"{what}."]
    if now.text and now.state in {"running", "starting"}:
        lines.append(text.plain(now.text, 200))
    if not now.enabled:
        lines.append("It does not start at login. Run: backupwatch service install")
    if now.edited:
        lines.append(f"Somebody changed {now.definition}.")
    elif now.version and now.version != __version__:
        lines.append(f"Installed by version {now.version}; this is {__version__}. Run: backupwatch service install")
    if now.python is not None and not now.python.exists():
        lines.append(f"Its Python is gone ({text.plain(now.python, 200)}). Run: backupwatch service install")
    return lines
