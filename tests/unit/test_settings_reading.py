"""Whatever lies where the configuration should be: a clear line, and the person's bytes stay as they are."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.settings import reading
from backupwatch.settings.load import load
from backupwatch.settings.problems import InvalidConfigError, Problem
from backupwatch.settings.values import Config


def only_problem(file: Path) -> Problem:
    with pytest.raises(InvalidConfigError) as caught:
        load(file)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_folder_in_the_files_place(file: Path) -> None:
    """A folder is called a folder."""
    file.mkdir()
    assert "this is a folder, not a file" in only_problem(file).sentence()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_as_oneself(file: Path) -> None:
    """A file that may not be read says what to do about it."""
    file.write_text("")
    file.chmod(0)
    assert "permission denied" in only_problem(file).sentence()


def test_no_permission(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read says what to do about it, whoever runs the tests."""
    file.write_text("")

    def refuse(path: object, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading.os, "open", refuse)
    assert "permission denied" in only_problem(file).sentence()
    assert "chmod" in only_problem(file).suggestion


def test_a_file_of_50_megabytes(file: Path) -> None:
    """A huge file is refused by its size, without being read."""
    with file.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    problem = only_problem(file)
    assert problem.found == "52,428,800 bytes"
    assert problem.allowed == "up to 262,144 bytes"
    assert file.stat().st_size == 50 * 1024 * 1024


def test_nul_bytes(file: Path) -> None:
    """A NUL byte, as a crash may leave it, is shown at its place."""
    file.write_bytes(b'[alerts]\ndesktop = tr\0\0ue\nrecovery = "" # more text so that it is no UTF-16\n')
    problem = only_problem(file)
    assert (problem.line, problem.column) == (2, 13)
    assert "NUL" in problem.message


def test_a_file_of_nothing_but_nul_bytes(file: Path) -> None:
    """A file that a power cut emptied to zeros is told apart from UTF-16."""
    file.write_bytes(bytes(4096))
    problem = only_problem(file)
    assert (problem.line, problem.column) == (1, 1)
    assert "NUL" in problem.message


def test_a_byte_order_mark(file: Path) -> None:
    """A byte order mark, as Windows editors write it, is skipped and mentioned; places are right nevertheless."""
    file.write_bytes(b'\xef\xbb\xbf[freshness]\nstale_after = "2d"\n')
    loaded = load(file)
    assert loaded.config.freshness.stale_after.days == 2
    assert "byte order mark" in loaded.warnings[0]
    file.write_bytes(b"\xef\xbb\xbfwrong = 1\n")
    assert (only_problem(file).line, only_problem(file).column) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(file: Path, encoding: str) -> None:
    """UTF-16 is named, with the encoding to choose instead."""
    file.write_bytes('[freshness]\nstale_after = "2d"\n'.encode(encoding))
    assert "UTF-16" in only_problem(file).message
    assert "UTF-8" in only_problem(file).suggestion


def test_bytes_that_are_no_utf8(file: Path) -> None:
    """A Latin-1 letter is shown at its place."""
    file.write_bytes('# ü\r\nname = "Jürgen"\r\n'.encode().replace("Jü".encode(), b"J\xfc"))
    problem = only_problem(file)
    assert (problem.line, problem.column, problem.found) == (2, 10, "0xfc")


def test_a_named_pipe(file: Path) -> None:
    """A named pipe nobody writes to does not hang the program."""
    os.mkfifo(file)
    assert "named pipe" in only_problem(file).message


def test_a_socket(file: Path) -> None:
    """A socket in the file's place is called one."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(file))
        assert "socket" in only_problem(file).message


def test_a_dangling_link(file: Path, tmp_path: Path) -> None:
    """A link into a folder of dotfiles that is gone names where it leads to, and is not taken for "no file"."""
    file.symlink_to(tmp_path / "dotfiles" / "backupwatch.toml")
    problem = only_problem(file)
    assert "dotfiles/backupwatch.toml" in problem.message
    assert file.is_symlink()


def test_a_link_to_itself(file: Path) -> None:
    """A link in a circle is said to be one."""
    file.symlink_to(file)
    assert "leads back to itself" in only_problem(file).message


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """A file named like the program's folder is named as the obstacle."""
    (tmp_path / "backupwatch").write_text("")
    assert "a part of this path is a file" in only_problem(tmp_path / "backupwatch" / "config.toml").message


def test_a_conf_d_that_is_a_file(file: Path, tmp_path: Path) -> None:
    """conf.d as a file is told."""
    (tmp_path / "conf.d").write_text("")
    assert "not a folder" in only_problem(file).message


def test_dev_null_is_an_empty_file() -> None:
    """``--config /dev/null`` means: nothing but defaults."""
    assert load(Path(os.devnull)).config == Config()


def test_a_file_that_changes_while_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written while it is read is read again, and never taken half written."""
    file.write_text('[freshness]\nstale_after = "2d"\n')
    real, changes = os.read, iter(['[freshness]\nstale_after = "4d" # longer\n'])

    def read_and_change(descriptor: int, count: int) -> bytes:
        chunk = real(descriptor, count)
        if chunk and (text := next(changes, None)):
            file.write_text(text)
        return chunk

    monkeypatch.setattr(reading.os, "read", read_and_change)
    assert load(file).config.freshness.stale_after.days == 4


def test_a_file_that_is_replaced_while_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that renames its new file into place meanwhile wins."""
    file.write_text('[freshness]\nstale_after = "2d"\n')
    new = file.with_name("new")
    new.write_text('[freshness]\nstale_after = "5d"\n')
    real = os.read

    def read_and_replace(descriptor: int, count: int) -> bytes:
        if new.exists():
            new.rename(file)
        return real(descriptor, count)

    monkeypatch.setattr(reading.os, "read", read_and_replace)
    assert load(file).config.freshness.stale_after.days == 5


def test_a_file_that_never_stops_changing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that something keeps writing is said to be so after a fraction of a second."""
    file.write_text("")
    real = os.read
    monkeypatch.setattr(reading.time, "sleep", lambda seconds: None)

    def read_and_grow(descriptor: int, count: int) -> bytes:
        with file.open("a") as stream:
            stream.write("#")
        return real(descriptor, count)[:1]

    monkeypatch.setattr(reading.os, "read", read_and_grow)
    monkeypatch.setattr(reading, "LARGEST", 100)
    assert {only_problem(file).message} <= {
        "the file keeps changing while it is read",
        "the file is far too large for a configuration",
    }


def test_a_deeply_nested_file(file: Path) -> None:
    """Nesting that would overflow a reader's stack is refused at its place."""
    file.write_text("# deep\nfolders = " + "[" * 100_000)
    problem = only_problem(file)
    assert (problem.line, problem.column) == (2, 61)
    assert "nested far too deeply" in problem.message


def test_a_closed_deeply_nested_file(file: Path) -> None:
    """The same when every bracket is closed again."""
    file.write_text("folders = " + "[" * 5_000 + "]" * 5_000)
    assert "nested far too deeply" in only_problem(file).message


def test_a_number_of_ten_thousand_digits(file: Path) -> None:
    """A number that Python itself refuses is shown at its place."""
    file.write_text("[freshness]\nstale_after = " + "9" * 10_000)
    problem = only_problem(file)
    assert (problem.line, problem.column) == (2, 15)
    assert "number is far too long" in problem.message


def test_a_file_that_would_keep_a_reader_busy_for_minutes_is_refused_at_once(file: Path) -> None:
    """A key of 100,000 parts costs a TOML reader minutes; it is refused before."""
    file.write_text("a." * 100_000 + "a = 1")
    done = threading.Event()

    def read() -> None:
        only_problem(file)
        done.set()

    worker = threading.Thread(target=read, daemon=True)
    worker.start()
    assert done.wait(30)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_configuration_or_the_one_error(raw: bytes) -> None:
    """No file content causes any other failure than the configuration error with its places."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_bytes(raw)
        try:
            assert isinstance(load(file).config, Config)
        except InvalidConfigError as error:
            assert error.report()  # noqa: PT017
            assert "\x1b" not in error.report()  # noqa: PT017
        assert file.read_bytes() == raw


names = ["freshness", "alerts", "device", "stale_after", "counts", "udid", "name", "remind_after", "account", "x"]
lines = st.one_of(
    st.sampled_from(names).map("[{}]".format),
    st.sampled_from(names).map("[[{}]]".format),
    st.tuples(
        st.sampled_from(names),
        st.sampled_from(
            ['"3d"', "3", "true", "[]", "{}", '["1d"]', "[{}]", "3d", "", '"any"', "1979-05-27", "nan", "'\x1b[31m'"]
        ),
    ).map(" = ".join),
    st.sampled_from(["", "# text", '"""', "x.y = 1", "device = 3", "[device.x]", "]", '"\\u001b]0;x\\u0007" = 1']),
)


@given(st.lists(lines, max_size=12).map("\n".join))
def test_any_lines_give_a_configuration_or_the_one_error(text: str) -> None:
    """Nor does any muddle of tables, keys and values; and no escape code reaches the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except InvalidConfigError as error:
            assert "\x1b" not in error.report() + error.line()  # noqa: PT017
            for problem in error.problems:
                assert 1 <= problem.line <= text.count("\n") + 1
                assert 1 <= problem.column <= len(text.split("\n")[problem.line - 1]) + 1
