"""The border of the program: how commands end, and where every failure becomes one line on standard error."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import click
import typer
from typer.core import TyperCommand

from backupwatch.errors import BackupwatchError

STOPPED: Final = 130
"""The exit code after Ctrl-C, as shells count it: 128 + SIGINT."""
NO_READER: Final = 141
"""The exit code when the reader of our output (head, less) has gone: 128 + SIGPIPE."""
UNKNOWN: Final = 3
"""The monitoring-plugin convention: nothing could be judged."""

_ended_by: list[int] = []
"""The signals that asked us to end, beside Ctrl-C."""


class OurMistakeError(Exception):
    """A mistake of ours, the cause of this, in a command whose exit code is a verdict."""


class Judging(TyperCommand):
    """A command whose exit code is a verdict: any failure of it means "unknown", never "stale" or "overdue"."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            error.show()
            raise click.exceptions.Exit(UNKNOWN) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BackupwatchError as error:
            error.exit_code = UNKNOWN
            raise
        except BrokenPipeError as error:  # caught here, because typer would end with 1, which means "stale"
            _forget_output()
            raise click.exceptions.Exit(NO_READER) from error
        except SystemExit as end:
            if end.code == 1:  # so rich ends a program whose reader has gone
                raise click.exceptions.Exit(NO_READER) from end
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            raise OurMistakeError from error


def run(app: typer.Typer) -> NoReturn:
    """Run the command line and end the process."""
    _open_closed()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is signal.SIG_DFL:  # `nohup` ignores the second, and means it
            signal.signal(ending, _end)
    try:
        code = app(standalone_mode=False)
        if code == STOPPED:  # typer answers Ctrl-C with this code instead of raising
            if _ended_by:
                sys.exit(128 + _ended_by[0])
            _say("Stopped.")
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except BackupwatchError as error:
        _say(error.line())
        sys.exit(error.exit_code)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say("Stopped.")
        sys.exit(STOPPED)
    except BrokenPipeError:
        _forget_output()
        sys.exit(NO_READER)
    except OurMistakeError as error:
        sys.exit(_failed(error.__cause__ or error, UNKNOWN))
    except Exception as error:  # noqa: BLE001 - the border of the program
        sys.exit(_usage(error) or _failed(error, 1))


def _open_closed() -> None:
    """Streams that were closed before we began (``>&-``) lead nowhere, and no file opened later takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end


def _end(number: int, _frame: object) -> None:
    """Asked to end (``timeout``, a closed terminal): go the way of Ctrl-C, on which asyncio lets everything finish."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job
        raise SystemExit(128 + number)
    _ended_by.append(number)
    signal.raise_signal(signal.SIGINT)


def _usage(error: Exception) -> int:
    """The exit code of a wrong call, after saying what is wrong; 0 if the error is another."""
    show = getattr(error, "show", None)
    if show is None or not hasattr(error, "exit_code"):
        return 0
    show()
    return int(cast("int", error.exit_code))


def _failed(error: BaseException, code: int) -> int:
    """Say what nobody foresaw; ``code``."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        _say("There is no room left to write to. Make room on the disk, then run it again.")
        _forget_output()
        return code
    import traceback

    from backupwatch.log import redact

    if "-v" in sys.argv or "--verbose" in sys.argv:
        details = redact(None, "", {"exception": "".join(traceback.format_exception(error))}, one_line=True)
        print(details["exception"], file=sys.stderr)
    _say(f"backupwatch made a mistake ({type(error).__name__}). Run it again with -v in front for the details.")
    return code


def _forget_output() -> None:
    """What is still unwritten goes nowhere; otherwise Python would fail once more while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(line: str) -> None:
    from backupwatch.cli.lines import say

    say(line)
