"""``backupwatch config``: meeting the TOML file.

Completion and the root command import this module at every start, so whatever is heavy is imported by the command
that needs it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backupwatch import paths
from backupwatch.errors import BackupwatchError, ConfigError

if TYPE_CHECKING:
    from backupwatch.settings.problems import Loaded

app = typer.Typer(
    name="config",
    help="The TOML file: look at it, check it, change it.",
    no_args_is_help=True,
    suggest_commands=False,  # click suggests already
)


def complete_key(context: typer.Context, incomplete: str) -> list[str]:
    """Keys that begin like this, those of the phones in the configuration included."""
    from backupwatch.settings.keys import DEVICE, all_keys, keys_of

    names = [key.dotted for key in all_keys() if key.table != DEVICE]
    names += [f"{DEVICE}.{udid}.{name}" for udid, _ in _phones(context) for name in keys_of(DEVICE) if name != "udid"]
    return [name for name in names if name.startswith(incomplete)]


def complete_device(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """UDIDs that begin like this, each explained by the phone's name, and names, each explained by its UDID.

    Names that a shell would have to quote are left out; their phones are found by UDID.
    """
    from backupwatch.text import plain

    offered: list[tuple[str, str]] = []
    for udid, name in _phones(context):
        offered.append((udid, plain(name)))
        if incomplete and re.fullmatch(r"[\w.-]+", name):
            offered.append((name, udid))
    return [each for each in offered if each[0].startswith(incomplete)]


def _phones(context: typer.Context) -> list[tuple[str, str]]:
    """Phones in the configuration and in the store; completion never fails, it only knows less."""
    from backupwatch.settings.known import known_devices
    from backupwatch.settings.load import load
    from backupwatch.settings.values import same_device

    found = {same_device(udid): (udid, name) for udid, name in known_devices()}
    with contextlib.suppress(BackupwatchError):
        for device in load(_named(context)).config.devices:
            known = found.get(same_device(device.udid), ("", ""))
            found[same_device(device.udid)] = (device.udid, device.name or known[1])
    return list(found.values())


def _named(context: typer.Context) -> Path | None:
    """``--config`` on a half-typed line, on which the root command does not run."""
    named = context.find_root().params.get("config")
    return Path(named) if named else None


KeyArgument = Annotated[str, typer.Argument(metavar="KEY", autocompletion=complete_key)]


@app.command("path")
def show_path(context: typer.Context) -> None:
    """Print where the file is, or would be."""
    typer.echo(_own(context))


@app.command(short_help="Show what holds, and where each value comes from.")
def show(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(metavar="[KEY]", autocompletion=complete_key),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what holds, and for every value the file and line it comes from.

    KEY is one key or one table, such as freshness; all without it.
    """
    from backupwatch.settings.show import rows, table_lines

    loaded = _load(context)
    chosen = rows(loaded, key)
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "key": row.key,
                        "value": row.value,
                        "file": str(row.origin.file) if row.origin else None,
                        "line": row.origin.line if row.origin else None,
                    }
                    for row in chosen
                ],
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    for line in table_lines(chosen):
        typer.echo(line)


@app.command()
def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]")] = None,
) -> None:
    """Find every mistake in the file, each with its line.

    FILE is another file than your own.
    """
    loaded = _load(context, file)
    own = paths.config_file(file) if file else _own(context)
    others = len([each for each in loaded.files if each != own])
    if own not in loaded.files:
        typer.echo(f"{own} is not there; " + ("conf.d and the defaults hold." if others else "the defaults hold."))
    else:
        typer.echo(f"{own} is right{f' (with {others} from conf.d)' if others else ''}.")


@app.command(short_help="Open the file in your editor, and check it afterwards.")
def edit(context: typer.Context) -> None:
    """Open the file in your editor, check it afterwards, and only then put it in place."""
    from backupwatch.settings.editor import edit_file

    def ask(question: str) -> bool:
        if not sys.stdin.isatty():
            return False
        try:
            return typer.confirm(question, default=True, err=True)
        except typer.Abort:
            return False

    if edit_file(_chosen(context), ask=ask, tell=_tell):
        typer.echo(f"{_own(context)} is in place.{notify_daemon()}")
    else:
        typer.echo(
            "Nothing was changed. An editor with a window of its own must be told to wait,"
            ' such as EDITOR="code --wait".'
        )


@app.command(short_help="Write a commented file; never over an existing one.")
def init(context: typer.Context) -> None:
    """Write a commented file with the phones and the account that are known; never over an existing one."""
    from backupwatch.settings.edit import init as write_default

    typer.echo(f"{write_default(_chosen(context))} is written. `backupwatch config edit` opens it.")


@app.command("set")
def set_key(
    context: typer.Context,
    key: KeyArgument,
    value: str,
) -> None:
    """Change one value, without touching your own file.

    KEY is a key such as freshness.stale_after; of a phone device.UDID.stale_after, or its name for UDID.
    VALUE is a value such as 36h; a list is written with commas.
    """
    from backupwatch.settings.edit import find_key, set_value, typed

    own = _existing(context)
    known, _ = find_key(key, own)
    written = set_value(key, typed(known, value), own)
    typer.echo(f"{key} is set in {written}.{notify_daemon()}")


@app.command()
def unset(context: typer.Context, key: KeyArgument) -> None:
    """Take back what `config set` did.

    KEY is a key such as freshness.stale_after.
    """
    from backupwatch.settings.edit import unset_value

    written = unset_value(key, _existing(context))
    typer.echo(f"{key} is no longer set.{notify_daemon()}" if written else f"{key} was not set; its default holds.")


@app.command()
def schema() -> None:
    """Print the JSON schema of the file, for editors."""
    from backupwatch.settings.render import schema as made

    typer.echo(json.dumps(made(), indent=2, ensure_ascii=False))


def notify_daemon() -> str:
    """Tell a running daemon that the file changed; it would notice within seconds by itself.

    :returns: a sentence with a blank before it, empty when no daemon runs.
    """
    try:
        control: Any = importlib.import_module("backupwatch.control")
        return " The running daemon takes it over." if control.request_reload() else ""
    except (ImportError, OSError, BackupwatchError):
        return ""


def _chosen(context: typer.Context) -> Path | None:
    """What ``--config`` named, as the root command left it."""
    chosen: Path | None = getattr(context.obj, "config_path", None)
    return chosen


def _own(context: typer.Context) -> Path:
    return paths.config_file(_chosen(context))


def _existing(context: typer.Context) -> Path:
    """The person's own file; one that ``--config`` names must be there, or conf.d would grow beside a typing error."""
    if _chosen(context) is not None and not _own(context).exists():
        _load(context)
    return _own(context)


def _load(context: typer.Context, file: Path | None = None) -> Loaded:
    """Load, tell warnings on standard error, and every mistake where there are any."""
    from backupwatch.settings.known import known_devices
    from backupwatch.settings.load import load
    from backupwatch.settings.problems import InvalidConfigError

    path = file or _chosen(context)
    try:
        loaded = load(path, known_devices=known_devices(), must_exist=path is not None)
    except InvalidConfigError as error:
        _tell(error.report())
        count, files = len(error.problems), {problem.file for problem in error.problems}
        opens = file is None and _own(context) in files  # the editor shows no other file
        raise ConfigError(
            f"{'One mistake' if count == 1 else f'{count} mistakes'} in the configuration",
            fix="`backupwatch config edit` opens the file" if opens else "Correct the named file",
        ) from None
    for warning in loaded.warnings:
        _tell(f"warning: {warning}")
    return loaded


def _tell(text: str) -> None:
    typer.echo(text, err=True)
