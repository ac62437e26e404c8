"""What the program writes itself: into conf.d, whole or not at all, and never over what a person wrote."""

from __future__ import annotations

import os
import stat
import threading
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from backupwatch.errors import BackupwatchError, ConfigError
from backupwatch.settings import atomic, edit
from backupwatch.settings.edit import find_key, init, remember_device, set_value, typed, unset_value
from backupwatch.settings.load import load

ANNA, BEN = "00008140-001C2D3E4F50001C", "00008140-001C2D3E4F50002C"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.toml"


def written(own: Path) -> dict[str, object]:
    return tomllib.loads((own.parent / "conf.d" / "backupwatch.toml").read_text())


def test_a_value_is_set_beside_the_own_file(own: Path) -> None:
    """The value holds at once, and the person's file is byte for byte what it was."""
    own.write_text("# my words\n[freshness]\ncounts = 'any'   # spaces\n")
    before = own.read_bytes()
    file = set_value("freshness.stale_after", "36h", own)
    assert file == own.parent / "conf.d" / "backupwatch.toml"
    assert load(own).config.freshness.stale_after == timedelta(hours=36)
    assert own.read_bytes() == before


def test_values_gather_and_can_be_taken_back(own: Path) -> None:
    """Setting one value leaves the others, and unsetting the last leaves nothing behind."""
    set_value("alerts.desktop", False, own)
    set_value("alerts.remind_after", ["1d", "2d"], own)
    set_value("alerts.desktop", True, own)
    assert written(own) == {"alerts": {"desktop": True, "remind_after": ["1d", "2d"]}}
    assert unset_value("alerts.remind_after", own) is not None
    assert unset_value("alerts.remind_after", own) is None
    assert unset_value("alerts.desktop", own) is not None
    assert written(own) == {}


def test_only_the_owner_may_read_what_is_written(own: Path) -> None:
    """An Apple Account's address is nobody else's business, and a mode that the owner chose stays."""
    file = set_value("account.apple_id", "anna@example.com", own)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o640)
    set_value("account.china_mainland", True, own)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_key_of_the_own_file_is_refused_with_its_line(own: Path) -> None:
    """Where the person's file sets the key, a value in conf.d would have no effect."""
    other_spelling = ANNA.replace("-", "")
    own.write_text(f'\n[alerts]\nquiet_hours = ""\n[[device]]\nudid = "{other_spelling}"\nname = "Anna"\n')
    for key in ("alerts.quiet_hours", f"device.{ANNA}.name"):
        for change in (lambda key=key: set_value(key, "", own), lambda key=key: unset_value(key, own)):
            with pytest.raises(ConfigError) as caught:
                change()
            assert f"{own} on line {3 if key.startswith('alerts') else 6}" in caught.value.what
    set_value(f"device.{ANNA}.stale_after", "2d", own)
    assert load(own).config.devices[0].stale_after == timedelta(days=2)


def test_a_key_of_another_conf_d_file_is_refused_with_its_line(own: Path) -> None:
    """A file that somebody else put into conf.d is not rewritten, for its comments would be lost."""
    (own.parent / "conf.d").mkdir()
    (own.parent / "conf.d" / "site.toml").write_text("# by the site\n[polling]\nwifi = false\n")
    with pytest.raises(ConfigError, match=r"site\.toml on line 3"):
        set_value("polling.wifi", True, own)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("freshness.stale_after", "3 moons", '"moons" is no unit'),
        ("freshness.overdue_after", "1d", "overdue before it is stale"),
        ("alerts.desktop", "maybe", "Allowed: true or false"),
        ("polling.devices_every", "1s", "at least 1m"),
        ("freshness.stale", "3d", "Did you mean stale_after"),
        ("stale_after", "3d", "Did you mean freshness.stale_after?"),
        ("frehsness.stale_after", "3d", "Did you mean freshness.stale_after?"),
        ("device.name", "x", "device.UDID.NAME"),
        (f"device.{ANNA}.nmae", "x", "NAME one of udid, name"),
        (f"device.{ANNA}.udid", ANNA, "cannot be set"),
        ("device.Nobody.name", "x", "No phone is called Nobody"),
        ("freshness", "x", "freshness is a table"),
        ("", "x", "There is no key"),
        ("a\x1b[31m.b", "x", "There is no key a.b"),
    ],
)
def test_what_may_not_be_set_is_refused_and_nothing_changes(own: Path, key: str, value: str, words: str) -> None:
    """A wrong key or value is explained, and no file is touched."""
    with pytest.raises(ConfigError) as caught:
        set_value(key, value, own)
    assert words in caught.value.line()
    assert caught.value.exit_code == 2
    assert load(own).files == ()


def test_a_mistake_elsewhere_does_not_stand_in_the_way(own: Path) -> None:
    """A value can be set while the person's own file still holds another mistake."""
    own.write_text("[alerts]\ndesktop = 'ja'\n")
    set_value("freshness.stale_after", "2d", own)
    assert written(own) == {"freshness": {"stale_after": "2d"}}


def test_a_broken_written_file_is_not_overwritten(own: Path) -> None:
    """When somebody broke the program's own file, it says where, and does not throw the text away."""
    file = set_value("freshness.stale_after", "2d", own)
    file.write_text("oh no\n")
    with pytest.raises(ConfigError, match=r"backupwatch\.toml:1:"):
        set_value("freshness.stale_after", "3d", own)
    assert file.read_text() == "oh no\n"


def test_a_linked_written_file_stays_a_link(own: Path, tmp_path: Path) -> None:
    """Dotfiles that are links into a repository are written through."""
    file = set_value("freshness.stale_after", "2d", own)
    real = tmp_path / "dotfiles.toml"
    file.rename(real)
    file.symlink_to(real)
    set_value("freshness.stale_after", "4d", own)
    assert file.is_symlink()
    assert "4d" in real.read_text()


def test_a_full_disk_leaves_the_old_values(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new text cannot be written, the old one is still there, whole, and nothing is left lying about."""
    file = set_value("freshness.stale_after", "2d", own)
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(BackupwatchError, match="No space left on device") as caught:
        set_value("freshness.stale_after", "4d", own)
    assert "Nothing was changed" in caught.value.meaning
    assert file.read_bytes() == before
    assert {each.name for each in file.parent.iterdir()} == {".lock", "backupwatch.toml"}


def test_two_writers_at_once_lose_nothing(own: Path) -> None:
    """`config set` and pairing may run at the same time."""
    keys = [f"device.{ANNA[:-2]}{number:02X}.name" for number in range(12)]
    writers = [threading.Thread(target=set_value, args=(key, f"n{key[-7:-5]}", own)) for key in keys]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(load(own).config.devices) == 12


@pytest.mark.parametrize(
    ("key", "text", "meant"),
    [
        ("alerts.desktop", "yes", True),
        ("alerts.desktop", "False", False),
        ("alerts.desktop", "perhaps", "perhaps"),
        ("freshness.stale_after", "36h", "36h"),
        ("freshness.stale_after", '"36h"', "36h"),
        ("alerts.remind_after", "1d, 2d", ["1d", "2d"]),
        ("alerts.remind_after", '["1d"]', ["1d"]),
        ("alerts.remind_after", "", []),
        ("local_backups.folders", "/a b,~/c", ["/a b", "~/c"]),
        ("alerts.quiet_hours", "", ""),
        (f"device.{ANNA}.name", "Anna's [old] iPhone", "Anna's [old] iPhone"),
        (f"device.{ANNA}.ignore", "on", True),
    ],
)
def test_the_command_line_needs_no_toml_quotes(own: Path, key: str, text: str, meant: object) -> None:
    """What a person types after `config set` is understood by the kind of the key."""
    known, _ = find_key(key, own)
    assert typed(known, text) == meant


def test_a_table_is_no_key(own: Path) -> None:
    """Who names a table learns its keys."""
    with pytest.raises(ConfigError, match=r"freshness is a table, not a key\. Its keys are freshness\.stale_after, "):
        set_value("freshness", "3d", own)


class TestRememberedPhones:
    """Pairing writes a phone down once."""

    def test_a_new_phone_gets_a_table(self, own: Path) -> None:
        """UDID and name stand in conf.d afterwards; a name with strange characters is made harmless."""
        remember_device(ANNA, "Anna\x1b[31m's\niPhone", own)
        assert written(own) == {"device": [{"udid": ANNA, "name": "Anna's iPhone"}]}

    def test_what_is_known_already_stays(self, own: Path) -> None:
        """A name that the person chose, here or there, is never replaced."""
        own.write_text(f'[[device]]\nudid = "{ANNA}"\nname = "Mine"\n')
        assert remember_device(ANNA.lower(), "iPhone", own) is None
        set_value(f"device.{BEN}.name", "Ben", own)
        assert remember_device(BEN, "iPhone (2)", own) is None
        assert [device.name for device in load(own).config.devices] == ["Mine", "Ben"]

    def test_a_phone_without_a_name_gets_one(self, own: Path) -> None:
        """A table without a name is completed, in conf.d."""
        own.write_text(f'[[device]]\nudid = "{ANNA}"\n')
        assert remember_device(ANNA, "", own) is None
        remember_device(ANNA, "iPhone", own)
        assert load(own).config.devices[0].name == "iPhone"
        assert own.read_text() == f'[[device]]\nudid = "{ANNA}"\n'

    def test_a_phone_can_be_named_by_its_name(self, own: Path) -> None:
        """Afterwards `config set device.Anna.stale_after 2d` finds it; two of one name are not confused."""
        remember_device(ANNA, "Anna", own)
        set_value("device.anna.stale_after", "2d", own)
        assert load(own).config.devices[0].stale_after == timedelta(days=2)
        remember_device(BEN, "Anna", own)
        with pytest.raises(ConfigError, match="More than one phone is called Anna"):
            set_value("device.Anna.stale_after", "2d", own)

    def test_the_beginning_of_a_name_is_enough(self, own: Path) -> None:
        """As for every command; a whole name wins over the beginning of another."""
        remember_device(ANNA, "Anna's iPhone", own)
        set_value("device.Anna.name", "Anna", own)
        assert load(own).config.devices[0].name == "Anna"
        remember_device(BEN, "Anna's iPad", own)
        assert find_key("device.anna.name", own)[1] == ANNA
        with pytest.raises(ConfigError, match="More than one phone is called An"):
            find_key("device.An.name", own)

    def test_not_a_udid(self, own: Path) -> None:
        """Nothing is written about a phone that is none."""
        with pytest.raises(ConfigError, match="not a UDID"):
            remember_device("../../etc", "x", own)


class TestInit:
    """The commented default file."""

    def test_it_holds_defaults_with_the_known_phones_and_account(
        self, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A new file brings nothing but what is known already, ready to be changed."""
        monkeypatch.setattr(edit, "known_devices", lambda: [(BEN, 'Ben\'s\n"iPhone" \x1b[31m# x')])
        set_value("account.apple_id", "anna@example.com", own)
        set_value(f"device.{ANNA}.name", "Anna", own)
        assert init(own) == own
        assert tomllib.loads(own.read_text()) == {
            "freshness": {},
            "polling": {},
            "alerts": {},
            "account": {"apple_id": "anna@example.com"},
            "local_backups": {},
            "storage": {},
            "device": [{"udid": ANNA}, {"udid": BEN}],
            "advanced": {},
        }
        assert load(own).config.devices[0].name == "Anna"
        assert f'udid = "{BEN}"  # Ben\'s "iPhone" # x\n' in own.read_text()
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
        assert (own.parent / "schema.json").exists()

    @pytest.mark.parametrize("kind", ["file", "folder", "dangling link", "pipe"])
    def test_it_never_overwrites(self, own: Path, tmp_path: Path, kind: str) -> None:
        """Whatever has the file's name stays what it is."""
        if kind == "file":
            own.write_text("mine")
        elif kind == "folder":
            own.mkdir()
        elif kind == "pipe":
            os.mkfifo(own)
        else:
            own.symlink_to(tmp_path / "gone")
        with pytest.raises(BackupwatchError, match="is there already"):
            init(own)
        assert not (tmp_path / "gone").exists()
        if kind == "file":
            assert own.read_text() == "mine"
        assert list(own.parent.iterdir()) == [own]

    def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        """An obstacle on the way is named."""
        (tmp_path / "backupwatch").write_text("")
        with pytest.raises(BackupwatchError, match="is a file, not a folder"):
            init(tmp_path / "backupwatch" / "config.toml")

    def test_a_schema_of_somebody_else_is_left_alone(self, own: Path) -> None:
        """schema.json is only brought up to date when it is ours."""
        (own.parent / "schema.json").write_text("{}")
        init(own)
        assert (own.parent / "schema.json").read_text() == "{}"
