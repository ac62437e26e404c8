"""A verdict under a configuration; light, so that what only reads the store starts fast."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT
from backupwatch.facts.snapshot import Snapshot, View, of_present
from backupwatch.judge.limits import Limits
from backupwatch.judge.verdict import Verdict, judge
from backupwatch.settings.values import Config


def verdict_of(config: Config, snapshot: Snapshot, zone: tzinfo, now: datetime) -> Verdict:
    """The verdict under this configuration."""
    if not config.account.apple_id:  # what is remembered of an account that is no longer watched judges nobody
        account = View(ACCOUNT)
    else:  # nor what is remembered of another one that was watched before
        account = replace(snapshot.account, tracks=of_present(snapshot.account.tracks, kinds.APPLE_ID_MASKED))
    return judge(
        replace(snapshot, account=account),
        limits_of=lambda udid: limits_of(config, udid),
        ignored={udid for udid in snapshot.phones if (own := config.device(udid)) and own.ignore},
        names={udid: own.name for udid in snapshot.phones if (own := config.device(udid)) and own.name},
        now=now,
        zone=zone,
    )


def limits_of(config: Config, udid: str) -> Limits:
    """The thresholds for one phone."""
    own = config.freshness_of(udid)
    return Limits(own.stale_after, own.overdue_after, own.unseen_after, own.counts, config.storage.warn_before_full)
