"""The one exception that people meet: what happened, what it means, what to do, and whether a retry can help."""

from __future__ import annotations


class BackupwatchError(Exception):
    """A failure told in the words of the person who meets it.

    Raised by sources, delivery, settings and set-up; turned into a line only by ``cli/app.py`` and ``round.py``.
    Every part is plain text that has already passed :mod:`backupwatch.text` where it quotes anything foreign,
    and holds no secret.
    """

    def __init__(self, what: str, *, meaning: str = "", fix: str = "", retry: bool = False, exit_code: int = 1) -> None:
        """Keep the parts.

        :param what: what happened, a sentence without a full stop at its end being completed here.
        :param meaning: what that means for the person, a sentence; empty when it is plain.
        :param fix: what to do now, a sentence; empty when nothing can be done.
        :param retry: whether the same call may succeed later without anybody doing anything.
        :param exit_code: of the command that meets it (contract: 1 failure, 2 wrong usage or config, 3 unknown).
        """
        self.what = what
        self.meaning = meaning
        self.fix = fix
        self.retry = retry
        self.exit_code = exit_code
        super().__init__(self.line())

    def line(self) -> str:
        """All parts as one line."""
        parts = [part.strip() for part in (self.what, self.meaning, self.fix) if part.strip()]
        return " ".join(part if part[-1] in ".!?:" else f"{part}." for part in parts)


class ConfigError(BackupwatchError):
    """The configuration cannot be used as it stands; exit code 2."""

    def __init__(self, what: str, *, meaning: str = "", fix: str = "") -> None:
        super().__init__(what, meaning=meaning, fix=fix, retry=False, exit_code=2)
