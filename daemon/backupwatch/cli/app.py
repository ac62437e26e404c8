"""The root of the command line: every command, and the options that they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from backupwatch import __version__
from backupwatch.cli import border, config_commands, service_commands

app = typer.Typer(
    name="backupwatch",
    help="Tells you when your iPhone stopped backing up, why, and what to tap.",
    no_args_is_help=False,
    suggest_commands=False,  # click suggests already
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_commands.app, name="config", help="Show, check and change the TOML file.")
app.add_typer(service_commands.app, name="service", help="Install, start, stop and remove the login service.")


@dataclass(frozen=True, slots=True)
class Root:
    """What the root passes to every command.

    :ivar config_path: ``--config``, or None for the usual place.
    """

    config_path: Path | None
    verbose: bool


# What an argument means stands in its command's docstring: typer 0.25 loses it on the way to click 8.5.
Devices = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DEVICE]...", autocompletion=config_commands.complete_device),
]
Device = Annotated[str, typer.Argument(autocompletion=config_commands.complete_device)]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"backupwatch {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Read this TOML file.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens to standard error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Tells you when your iPhone stopped backing up, why, and what to tap."""
    ctx.obj = Root(config, verbose)
    if ctx.invoked_subcommand is None:
        from backupwatch.cli.welcome import welcome

        raise typer.Exit(welcome(config))


@app.command()
def demo(
    scenario: Annotated[str, typer.Option(help="Which story to tell; --list names them.")] = "icloud-storage-full",
    list_: Annotated[bool, typer.Option("--list", help="List the stories.")] = False,
) -> None:
    """Show the whole job on simulated iPhones."""
    from backupwatch.cli import demo as command

    raise typer.Exit(command.list_stories() if list_ else command.run(scenario))


@app.command(cls=border.Judging)
def check(ctx: typer.Context, device: Devices = None, json: Json = False) -> None:
    """Look now, judge now and print the verdict; notifies nobody.

    DEVICE is a phone's name or UDID, or the beginning of either; all phones without it.
    """
    from backupwatch.cli import check as command

    raise typer.Exit(command.run(_root(ctx), device or [], as_json=json))


@app.command(cls=border.Judging)
def status(
    ctx: typer.Context,
    device: Devices = None,
    json: Json = False,
    plain: Annotated[bool, typer.Option("--plain", help="Whole sentences, for a screen reader.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and refresh in place; Ctrl-C ends it.")] = False,
) -> None:
    """Show what the watcher knows already; looks at nothing.

    DEVICE is a phone's name or UDID, or the beginning of either; all phones without it.
    """
    from backupwatch.cli import status as command

    raise typer.Exit(command.run(_root(ctx), device or [], as_json=json, as_prose=plain, stay=watch))


@app.command()
def history(
    ctx: typer.Context,
    device: Annotated[
        str | None,
        typer.Argument(autocompletion=config_commands.complete_device),
    ] = None,
    days: Annotated[int, typer.Option(help="How far to look back.")] = 90,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="One table for a spreadsheet.")] = False,
) -> None:
    """Show each backup, each time without, the alerts, the storage.

    DEVICE is a phone's name or UDID, or the beginning of either; all phones without it.
    """
    from backupwatch.cli import history as command

    raise typer.Exit(command.run(_root(ctx), device, days, as_json=json, as_csv=csv))


@app.command()
def report(
    ctx: typer.Context,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; - for standard output.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Begin with this phone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write one page with pictures of all this."""
    from backupwatch.cli import report as command

    raise typer.Exit(command.run(_root(ctx), output, device, show=open_, force=force))


@app.command()
def devices(ctx: typer.Context, json: Json = False) -> None:
    """List every iPhone that is attached or known."""
    from backupwatch.cli import devices as command

    raise typer.Exit(command.run(_root(ctx), as_json=json))


@app.command()
def version() -> None:
    """Print the versions of backupwatch and of what it depends on."""
    from backupwatch.cli import version as command

    raise typer.Exit(command.run())


@app.command(name="run")
def run_daemon(ctx: typer.Context) -> None:
    """Watch in the foreground, as the login service does."""
    from backupwatch.cli import run as command

    raise typer.Exit(command.run(_root(ctx)))


@app.command()
def snooze(ctx: typer.Context, device: Device, duration: str) -> None:
    """Keep quiet about one phone for a while.

    DEVICE is the phone's name or UDID, or the beginning of either.
    DURATION is written like 90m, 36h, 3d or 2w.
    """
    from backupwatch.cli import snooze as command

    raise typer.Exit(command.snooze(_root(ctx), device, duration))


@app.command()
def unsnooze(ctx: typer.Context, device: Device) -> None:
    """End a snooze.

    DEVICE is the phone's name or UDID, or the beginning of either.
    """
    from backupwatch.cli import snooze as command

    raise typer.Exit(command.unsnooze(_root(ctx), device))


@app.command(name="notify-test")
def notify_test() -> None:
    """Send a harmless notification and say whether it arrived."""
    from backupwatch.cli import notify_test as command

    raise typer.Exit(command.run())


@app.command()
def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Check whether the watcher itself can work here."""
    from backupwatch.cli import doctor_command as command

    raise typer.Exit(command.run(_root(ctx).config_path, as_json=json))


@app.command()
def pair(
    ctx: typer.Context,
    device: Annotated[str | None, typer.Argument()] = None,
) -> None:
    """Pair an iPhone with this computer, step by step.

    DEVICE is its name or UDID, or the beginning of either; needed if several are attached.
    """
    from backupwatch.cli import pair_command as command

    raise typer.Exit(command.run(_root(ctx).config_path, device))


@app.command()
def login(ctx: typer.Context) -> None:
    """Sign in to the iCloud account whose storage is to be watched."""
    from backupwatch.cli import login_commands as command

    raise typer.Exit(command.run_login(_root(ctx).config_path))


@app.command()
def logout(ctx: typer.Context) -> None:
    """Forget the iCloud session, its cookies and a stored password."""
    from backupwatch.cli import login_commands as command

    raise typer.Exit(command.run_logout(_root(ctx).config_path))


def run() -> NoReturn:
    """The console script."""
    border.run(app)


def _root(ctx: typer.Context) -> Root:
    return cast("Root", ctx.find_root().obj)
