"""Copies of the store in good time, and the way back to one of them."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Crossrun, fill
from processes import wait_for

from crossrun.store.backups import backups, remove_surplus
from crossrun.store.steps import MIGRATIONS
from crossrun.store.weekly_backup import WeeklyBackup
from crossrun.system.detached import start_detached
from crossrun.system.filelocks import file_locked, is_locked

SHELL = ("run", "--executor", "shell")


def folder(crossrun: Crossrun) -> Path:
    return crossrun.home / "state" / "backups"


def names(crossrun: Crossrun) -> list[str]:
    return sorted(path.name for path in folder(crossrun).iterdir())


def ids(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM runs")}


def run(crossrun: Crossrun, script: str = "true") -> str:
    return str(crossrun.json(*SHELL, script)["id"])


def grow_old(crossrun: Crossrun, days: float) -> None:
    """Makes all weekly copies older."""
    for name in names(crossrun):
        moment = datetime.strptime(name, "crossrun-weekly-%Y%m%dT%H%M%SZ.db").replace(tzinfo=UTC)
        older = moment - timedelta(days=days)
        (folder(crossrun) / name).rename(
            folder(crossrun) / f"crossrun-weekly-{older:%Y%m%dT%H%M%SZ}.db"
        )


def damage(crossrun: Crossrun) -> bytes:
    """Writes over all pages of the store but the first."""
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database = crossrun.home / "crossrun.db"
    content = database.read_bytes()
    spoilt = content[:4096] + b"\xa5" * (len(content) - 4096)
    database.write_bytes(spoilt)
    return spoilt


def damage_index(crossrun: Crossrun) -> None:
    """Writes over the page of an index that runs do not read."""
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_patterns_family_id'"
        ).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (crossrun.home / "crossrun.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)


def test_a_copy_is_made_each_week_at_the_end_of_a_run_and_two_are_kept(crossrun: Crossrun) -> None:
    first = run(crossrun)
    (copy,) = names(crossrun)
    second = run(crossrun)
    assert names(crossrun) == [copy]
    assert ids(folder(crossrun) / copy) == {first}
    assert stat.S_IMODE((folder(crossrun) / copy).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder(crossrun).stat().st_mode) == 0o700

    grow_old(crossrun, 8)
    third = run(crossrun)
    assert ids(folder(crossrun) / names(crossrun)[-1]) == {first, second, third}
    assert len(names(crossrun)) == 2
    grow_old(crossrun, 8)
    run(crossrun)
    assert len(names(crossrun)) == 2
    assert all(first in ids(folder(crossrun) / name) for name in names(crossrun))


def enlarge(crossrun: Crossrun) -> None:
    """Makes the store so large that it is copied in the background."""
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as connection:
        connection.execute("UPDATE runs SET answer = printf('%.*c', 4000000, 'x')")
        connection.commit()


def copying(crossrun: Crossrun) -> WeeklyBackup:
    state = crossrun.home / "state"
    return WeeklyBackup(crossrun.home / "crossrun.db", folder=folder(crossrun), state=state)


def test_a_large_store_is_copied_in_the_background(crossrun: Crossrun) -> None:
    first = run(crossrun)
    grow_old(crossrun, 8)
    enlarge(crossrun)
    second = run(crossrun)
    wait_for(lambda: len(names(crossrun)) == 2 and not is_copying(crossrun))
    assert ids(folder(crossrun) / names(crossrun)[-1]) == {first, second}
    run(crossrun)
    assert len(names(crossrun)) == 2


def test_a_copy_that_failed_in_the_background_is_reported_once(crossrun: Crossrun) -> None:
    run(crossrun)
    grow_old(crossrun, 30)
    copies = names(crossrun)
    enlarge(crossrun)
    damage_index(crossrun)
    result = crossrun(*SHELL, "true")
    assert (result.code, "warning" in result.err) == (0, False)
    wait_for((crossrun.home / "state" / "backup-failed.txt").exists)
    assert "warning: no weekly backup of the store was made: the store" in crossrun("runs").err
    assert crossrun("runs").err == ""
    assert names(crossrun) == copies


def test_while_a_process_copies_no_other_one_does(crossrun: Crossrun) -> None:
    run(crossrun)
    grow_old(crossrun, 8)
    with file_locked(crossrun.home / "state" / "backup.lock"):
        copying(crossrun).make()
        copying(crossrun).keep()
        assert len(names(crossrun)) == 1
    copying(crossrun).make()
    assert len(names(crossrun)) == 2


def test_a_killed_copy_is_no_backup_and_the_next_one_clears_it_away(crossrun: Crossrun) -> None:
    run(crossrun)
    (copy,) = names(crossrun)
    (folder(crossrun) / copy).unlink()
    enlarge(crossrun)
    words = [crossrun.home / "crossrun.db", folder(crossrun), crossrun.home / "state"]
    program = [sys.executable, "-m", "crossrun.store.weekly_backup", *map(str, words)]
    with subprocess.Popen(program) as process:
        wait_for(lambda: names(crossrun) or process.poll() is not None)
        process.kill()
    assert all(backup.file.stat().st_size > 4_000_000 for backup in backups(folder(crossrun)))
    copying(crossrun).make()
    assert len(names(crossrun)) == len(backups(folder(crossrun))) == 1


def test_what_is_started_detached_inherits_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "own = {os.readlink(f'/dev/fd/{n}') for n in (0, 1, 2)}\n"
        "others = len(os.listdir('/dev/fd')) - 4\n"
        "text = f'{own} {others} {os.getsid(0) == os.getpid()} {os.getcwd()}'\n"
        "new = Path(sys.argv[1] + '.new')\n"
        "new.write_text(text)\n"
        "new.rename(sys.argv[1])\n"
    )
    seen = tmp_path / "seen"
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003  it has no name
        start_detached([sys.executable, "-c", script, str(seen)])
        wait_for(seen.exists)
    assert seen.read_text() == "{'/dev/null'} 0 True /"


def test_large_copies_are_fewer(tmp_path: Path) -> None:
    for day in range(1, 4):
        file = tmp_path / f"crossrun-{day:04}-2026010{day}T000000Z.db"
        with file.open("wb") as opened:
            opened.truncate(600 * 1024**2)
    remove_surplus(tmp_path)
    assert [backup.kind for backup in backups(tmp_path)] == ["0003"]


def is_copying(crossrun: Crossrun) -> bool:
    return is_locked(crossrun.home / "state" / "backup.lock")


def test_a_copy_from_the_future_does_not_count(crossrun: Crossrun) -> None:
    run(crossrun)
    grow_old(crossrun, -30)
    run(crossrun)
    assert len(names(crossrun)) == 2


def test_of_many_runs_at_once_one_makes_the_copy(crossrun: Crossrun) -> None:
    processes = [crossrun.start(*SHELL, "true") for _ in range(6)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert [code for *_, code in ends] == [0] * 6
    assert [err for _, err, _ in ends if b"warning" in err] == []
    assert len(names(crossrun)) == 1


def test_a_disk_without_room_for_a_copy_spoils_no_run(crossrun: Crossrun, small_disk: Path) -> None:
    home = ("--home", str(small_disk / "home"))
    crossrun.json("migrate", *home)
    fill(small_disk, leave=280_000)
    result = crossrun(*SHELL, "true", *home)
    assert result.code == 0
    assert "warning: no weekly backup of the store was made: there is too little room" in result.err
    assert list((small_disk / "home" / "state" / "backups").iterdir()) == []


def test_a_damaged_store_is_not_copied_over_a_good_copy(crossrun: Crossrun) -> None:
    run(crossrun)
    grow_old(crossrun, 30)
    (copy,) = names(crossrun)
    damage_index(crossrun)
    result = crossrun(*SHELL, "true")
    assert result.code == 0
    assert "no weekly backup of the store was made: the store" in result.err
    assert names(crossrun) == [copy]


def test_a_damaged_store_names_its_backup_and_the_command_that_brings_it_back(
    crossrun: Crossrun,
) -> None:
    kept = run(crossrun)
    run(crossrun)
    (copy,) = names(crossrun)
    spoilt = damage(crossrun)

    for words in (("runs",), ("show",), (*SHELL, "true"), ("patterns",)):
        error = crossrun(*words, "--json").json["error"]
        assert error["code"] == "STORE_DAMAGED"
        assert error["hint"].startswith("restore the backup from 20")
        assert copy in error["hint"]
    asked = crossrun("migrate", "--restore", "--json")
    assert (asked.code, asked.json["error"]["code"]) == (2, "CONSENT_NEEDED")
    assert (crossrun.home / "crossrun.db").read_bytes() == spoilt

    told = crossrun.json("migrate", "--restore", "--yes")
    assert told["restored"] == str(folder(crossrun) / copy)
    assert Path(told["kept"][0]).read_bytes() == spoilt
    assert all(Path(file).parent == crossrun.home for file in told["kept"])
    assert [one["id"] for one in crossrun.json("runs")["runs"]] == [kept]
    assert stat.S_IMODE((crossrun.home / "crossrun.db").stat().st_mode) == 0o600
    assert run(crossrun)
    assert names(crossrun) == [copy]


def test_the_newest_backup_that_is_sound_is_taken(crossrun: Crossrun) -> None:
    first = run(crossrun)
    grow_old(crossrun, 8)
    run(crossrun)
    older, newer = names(crossrun)
    (folder(crossrun) / newer).write_bytes(b"SQLite format 3\0" + b"x" * 9000)
    damage(crossrun)
    assert older in crossrun("runs").err
    assert crossrun("migrate", "--restore", "--yes").code == 0
    assert ids(crossrun.home / "crossrun.db") == {first}


def test_without_a_backup_it_is_said_what_can_be_done(crossrun: Crossrun) -> None:
    crossrun.json("migrate")
    spoilt = damage(crossrun)
    shown = crossrun("runs", "--json")
    assert (shown.code, shown.json["error"]["code"]) == (3, "STORE_DAMAGED")
    assert "there is no backup; to start afresh, move" in shown.err
    result = crossrun("migrate", "--restore", "--yes", "--json")
    assert (result.code, result.json["error"]["code"]) == (3, "BACKUP_MISSING")
    assert (crossrun.home / "crossrun.db").read_bytes() == spoilt


def test_the_store_stays_while_runs_go_on(crossrun: Crossrun) -> None:
    run(crossrun)
    process = crossrun.start(*SHELL, "sleep 60")
    assert process.stdout is not None
    going_on = process.stdout.readline().decode().strip()
    result = crossrun("migrate", "--restore", "--yes", "--json")
    assert (result.code, result.json["error"]["code"]) == (8, "STILL_RUNNING")
    assert going_on in result.err
    process.terminate()
    process.communicate(timeout=30)
    assert crossrun.json("show", going_on)["status"] == "cancelled"


def test_runs_that_went_on_when_the_backup_was_made_are_interrupted(crossrun: Crossrun) -> None:
    process = crossrun.start(*SHELL, "sleep 60")
    assert process.stdout is not None
    going_on = process.stdout.readline().decode().strip()
    run(crossrun)
    process.terminate()
    process.communicate(timeout=30)
    damage(crossrun)
    restored = crossrun("migrate", "--restore", "--yes")
    assert f"run {going_on} was interrupted" in restored.err
    assert crossrun.json("show", going_on)["status"] == "interrupted"


def test_an_older_backup_is_brought_up_to_date(crossrun: Crossrun, tmp_path: Path) -> None:
    from test_store import made_by

    crossrun.json("migrate")
    folder(crossrun).mkdir(mode=0o700)
    made_by(1, tmp_path / "old").rename(folder(crossrun) / "crossrun-0001-20260102T030405Z.db")
    damage(crossrun)
    told = crossrun.json("migrate", "--restore", "--yes")
    assert told["made_at"] == "2026-01-02T03:04:05.000000Z"
    assert told["applied"] == [name for name, _ in MIGRATIONS[1:]]
    assert [one["id"] for one in crossrun.json("runs")["runs"]] == ["k7f3abcd"]


def test_a_full_disk_leaves_the_damaged_store_where_it_is(
    crossrun: Crossrun, small_disk: Path
) -> None:
    home = ("--home", str(small_disk / "home"))
    crossrun.json("migrate", *home)
    kept = small_disk / "home" / "state" / "backups"
    kept.mkdir(mode=0o700)
    with closing(sqlite3.connect(small_disk / "home" / "crossrun.db")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    made = small_disk / "home" / "crossrun.db"
    subprocess.run(["cp", made, kept / "crossrun-weekly-20260102T030405Z.db"], check=True)
    before = made.read_bytes()
    fill(small_disk, leave=20_000)
    result = crossrun("migrate", "--restore", "--yes", "--json", *home)
    assert (result.code, result.json["error"]["code"]) == (3, "DISK_FULL")
    assert made.read_bytes() == before
    assert sorted(path.name for path in made.parent.glob("crossrun.db*")) == ["crossrun.db"]


@pytest.mark.parametrize("name", ["what?x=1", "50% #1", "a b"])
def test_any_home_will_do(crossrun: Crossrun, tmp_path: Path, name: str) -> None:
    home = ("--home", str(tmp_path / name))
    run_id = crossrun.json(*SHELL, "true", *home)["id"]
    assert [one["id"] for one in crossrun.json("runs", *home)["runs"]] == [run_id]
    assert (tmp_path / name / "crossrun.db").is_file()
    assert len(list((tmp_path / name / "state" / "backups").iterdir())) == 1
