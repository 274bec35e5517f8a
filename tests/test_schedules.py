"""Schedules: times of cron in every form, and entries of the system's schedulers."""

import json
import plistlib
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun

from crossrun.errors import UsageError
from crossrun.scheduling import Schedule
from crossrun.scheduling.cron import CronTimes
from crossrun.scheduling.launchd import Launchd

NEVER = datetime(2026, 11, 27, 12, 0)  # noqa: DTZ001  a Friday, in local time


@pytest.mark.parametrize(
    ("expression", "calendar"),
    [
        ("0 7 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 07:00:00"]),
        ("*/15 9-17/4 * * *", ["*-*-* 09,13,17:00,15,30,45:00"]),
        ("5 0 1,15 jan-mar *", ["*-01,02,03-01,15 00:05:00"]),
        ("0 0 13 * FRI", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
        ("0 0 */2 * 1", ["Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00"]),
        ("0 6 * * 0,7", ["Sun *-*-* 06:00:00"]),
        ("0 6 1-31 * 1", ["*-*-* 06:00:00"]),
        ("@weekly", ["Sun *-*-* 00:00:00"]),
        ("* * * * *", ["*-*-* *:*:00"]),
    ],
)
def test_times_of_cron_are_written_as_systemd_reads_them(
    expression: str, calendar: list[str]
) -> None:
    assert CronTimes(expression).on_calendar() == calendar


@pytest.mark.process
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize(
    "expression",
    [
        "0 7 * * 1-5",
        "*/7 */5 * * *",
        "30 4 1,15 * 5",
        "0 0 29 2 *",
        "15 3 */2 6 SUN",
        "59 23 31 12 *",
    ],
)
def test_systemd_names_the_same_next_times(expression: str) -> None:
    times = CronTimes(expression)
    expected, moment = [], datetime.now()  # noqa: DTZ005
    for _ in range(5):
        moment = times.next_after(moment)
        expected.append(moment)
    command = ["systemd-analyze", "calendar", "--iterations=5", *times.on_calendar()]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin"}
    )
    shown = [
        line.split(": ", 1)[1].split()[1:3]
        for line in done.stdout.splitlines()
        if "Next elapse:" in line or "Iter. #" in line
    ]
    elapses = sorted({datetime.fromisoformat(" ".join(words)) for words in shown})
    assert elapses[:5] == expected


@pytest.mark.parametrize(
    "expression",
    ["", "0 7 * *", "60 7 * * *", "0 24 * * *", "0 7 0 * *", "0 7 * 13 *", "0 7 * * 8", "a b c d e",
     "0 7 30 2 *", "5/10 * * * *", "0 7 L * *", "0 7 * * 5#2", "@reboot", "*/0 * * * *",
     "0 0 7 * * *", "0 7 * * 5-1"],
)  # fmt: skip
def test_what_cron_does_not_understand_is_refused(expression: str) -> None:
    with pytest.raises(UsageError) as refused:
        CronTimes(expression)
    assert refused.value.code == "SCHEDULE_TIME_INVALID"


FAKE_CRONTAB = """\
#!/bin/sh
if [ "$1" = -l ]; then
    test -f "$FAKE/crontab" || { echo "no crontab for you" >&2; exit 1; }
    exec cat "$FAKE/crontab"
fi
test ! -f "$FAKE/refuse" || { echo "errors in crontab file" >&2; exit 1; }
test ! -f "$FAKE/slow" || { touch "$FAKE/begun"; sleep 1; }
cat "$1" > "$FAKE/new" && mv "$FAKE/new" "$FAKE/crontab"
"""
FAKE_SYSTEMCTL = """\
#!/bin/sh
test -f "$FAKE/systemd" || { echo "Failed to connect to bus" >&2; exit 1; }
echo "$@" >> "$FAKE/calls"
case "$*" in *restart*) test ! -f "$FAKE/refuse" || { echo "bad unit" >&2; exit 1; } ;; esac
"""
FAKE_LAUNCHCTL = '#!/bin/sh\necho "$@" >> "$FAKE/calls"\n'


class Machine:
    """A machine with a crontab, and with systemd if `has_systemd`."""

    def __init__(self, crossrun: Crossrun, folder: Path) -> None:
        self.crossrun = crossrun
        self.state = folder / "fake"
        programs = folder / "programs"
        for name, text in (("crontab", FAKE_CRONTAB), ("systemctl", FAKE_SYSTEMCTL),
                           ("launchctl", FAKE_LAUNCHCTL)):  # fmt: skip
            programs.mkdir(exist_ok=True)
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.state.mkdir()
        self.units = folder / "config" / "systemd" / "user"
        crossrun.environ |= {
            "PATH": f"{programs}:{crossrun.environ['PATH']}",
            "FAKE": str(self.state),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }

    def use_systemd(self) -> None:
        (self.state / "systemd").touch()

    def refuse(self) -> None:
        (self.state / "refuse").touch()

    @property
    def crontab(self) -> str:
        return (self.state / "crontab").read_text()

    def add(self, *words: str) -> dict[str, Any]:
        command = words[-1].split()
        return self.crossrun("schedule", "add", *words[:-1], "--json", "--", *command).json


@pytest.fixture
def machine(crossrun: Crossrun, tmp_path: Path) -> Machine:
    crossrun("run", "--executor", "shell", "true")
    return Machine(crossrun, tmp_path)


def add(machine: Machine, *words: str, when: str = "0 7 * * 1-5", name: str = "nightly") -> Any:  # noqa: ANN401
    return machine.crossrun("schedule", "add", when, "--name", name, "--json", "--", *words)


def test_other_lines_of_the_crontab_stay_as_they_are(machine: Machine) -> None:
    own = "MAILTO=me\n# crossrun: not mine\n0 1 * * * /bin/backup --to \\%d  # \xe4\n"
    (machine.state / "crontab").write_text(own)
    assert add(machine, "run", "--offline", "Fix it").code == 0
    assert add(machine, "run", "--offline", "x", name="second").code == 0
    assert machine.crontab.startswith(own)
    assert machine.crossrun("schedule", "pause", "nightly").code == 0
    assert machine.crossrun("schedule", "rm", "nightly").code == 0
    assert machine.crossrun("schedule", "rm", "second").code == 0
    assert machine.crontab == own


def test_the_line_of_cron_starts_an_ordinary_run_with_the_tag(machine: Machine) -> None:
    odd = machine.crossrun.cwd / "100% o'clock"
    odd.mkdir()
    machine.crossrun.cwd = odd
    added = add(machine, "run", "--executor", "shell", "echo 50% 'of it' $HOME > out")
    assert added.code == 0, added.err
    line = machine.crontab.splitlines()[-1]
    minute, hour, *_, rest = line.split(" ", 5)
    assert (minute, hour) == ("0", "7")
    # as cron does it: % unless escaped is a line break, then the shell with almost no environment
    assert "%" not in rest.replace("\\%", "")
    done = subprocess.run(
        ["sh", "-c", rest.replace("\\%", "%")],
        env={"HOME": machine.crossrun.environ["HOME"], "PATH": "/usr/bin:/bin"},
        check=False,
    )
    log = Path(added.json["log"]).read_text()
    assert done.returncode == 0, log
    run = machine.crossrun.json("show")
    assert run["id"] == log.strip()
    assert run["tags"] == ["scheduled", "schedule:nightly"]
    assert run["status"] == "succeeded"
    (listed,) = machine.crossrun.json("schedule")["schedules"]
    assert (listed["last_run_id"], listed["last_status"]) == (run["id"], "succeeded")
    assert listed["changed"] is False


def test_an_entry_holds_no_secret_and_only_the_variables_it_needs(machine: Machine) -> None:
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz012345"
    machine.crossrun.environ["OPENAI_API_KEY"] = key
    assert add(machine, "run", "--offline", "x").code == 0
    assert key not in machine.crontab
    words = machine.crontab.splitlines()[-1].split(" env ")[1].split()
    names = [word.split("=")[0] for word in words if "=" in word]
    assert set(names) <= {"PATH", "CROSSRUN_HOME", "CODEX_PATH", "CODEX_HOME"}
    refused = add(machine, "run", "--offline", f"use {key}", name="secret")
    assert refused.json["error"]["code"] == "SCHEDULE_SECRET"


def test_only_lines_of_crossrun_are_removed_after_somebody_removed_some(machine: Machine) -> None:
    assert add(machine, "run", "--offline", "x").code == 0
    comments = machine.crontab.splitlines(keepends=True)[:2]
    (machine.state / "crontab").write_text("".join(comments) + "0 3 * * * /bin/precious\n")
    assert machine.crossrun.json("schedule")["schedules"][0]["changed"] is True
    assert machine.crossrun("schedule", "rm", "nightly").code == 0
    assert machine.crontab == "0 3 * * * /bin/precious\n"


def test_an_entry_without_a_final_line_break_is_still_an_entry(machine: Machine) -> None:
    assert add(machine, "run", "--offline", "x").code == 0
    (machine.state / "crontab").write_text(machine.crontab.rstrip("\n"))
    assert machine.crossrun("schedule", "rm", "nightly").code == 0
    assert machine.crontab == ""


def test_a_folder_whose_name_has_a_line_break_writes_no_line_of_the_crontab(
    machine: Machine,
) -> None:
    odd = machine.crossrun.cwd / "x\n* * * * * touch owned #"
    odd.mkdir()
    machine.crossrun.cwd = odd
    refused = add(machine, "run", "--offline", "x")
    assert refused.json["error"]["code"] == "SCHEDULE_INVALID"
    assert not (machine.state / "crontab").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["runs"], "SCHEDULE_INVALID"),
        (["run"], "TASK_EMPTY"),
        (["run", "--no-such", "x"], "USAGE"),
        (["run", "--timeout", "soon", "x"], "OPTION_INVALID"),
        (["run", "--template", "nosuch"], "TEMPLATE_NOT_FOUND"),
        (["run", "--template", "refactoring"], "TEMPLATE_VARIABLES"),
        (["run", "-f", "gone.md"], "TASK_UNREADABLE"),
        (["run", "-"], "SCHEDULE_INVALID"),
        (["run", "--help"], "SCHEDULE_INVALID"),
        (["run", "--detach", "x"], "SCHEDULE_INVALID"),
        (["run", "--offline", "two\nlines"], "SCHEDULE_INVALID"),
    ],
)
def test_a_command_that_could_not_run_is_refused_before_anything_is_written(
    machine: Machine, words: list[str], code: str
) -> None:
    refused = add(machine, *words)
    assert refused.json["error"]["code"] == code
    assert not (machine.state / "crontab").exists()


def test_systemd_comes_first_and_gets_a_timer_and_a_service(machine: Machine) -> None:
    machine.use_systemd()
    added = machine.add("30 6 13 * FRI", "run --template dependencies --var scope=patch --offline")
    assert (added["name"], added["scheduler"]) == ("dependencies", "systemd")
    assert not (machine.state / "crontab").exists()
    timer = (machine.units / "crossrun-dependencies.timer").read_text()
    assert "OnCalendar=*-*-13 06:30:00\nOnCalendar=Fri *-*-* 06:30:00\n" in timer
    service = (machine.units / "crossrun-dependencies.service").read_text()
    assert '"run" "--tag" "scheduled"' in service
    assert f"WorkingDirectory={machine.crossrun.cwd}\n" in service
    if shutil.which("systemd-analyze"):
        units = [
            str(machine.units / f"crossrun-dependencies.{kind}") for kind in ("timer", "service")
        ]
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", *units],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "crossrun-dependencies" not in checked.stderr
    calls = (machine.state / "calls").read_text()
    assert "--user enable crossrun-dependencies.timer" in calls
    assert machine.crossrun.json("schedule", "pause", "dependencies")["next_at"] is None
    assert machine.crossrun.json("schedule")["schedules"][0]["paused"] is True
    assert machine.crossrun.json("schedule", "resume", "dependencies")["next_at"] is not None
    assert machine.crossrun("schedule", "rm", "dependencies").code == 0
    assert list(machine.units.iterdir()) == []


def test_an_entry_that_systemd_refuses_leaves_nothing_behind(machine: Machine) -> None:
    machine.use_systemd()
    machine.refuse()
    refused = add(machine, "run", "--offline", "x")
    assert (refused.code, refused.json["error"]["code"]) == (3, "SCHEDULER_FAILED")
    assert list(machine.units.iterdir()) == []


def test_a_crontab_that_is_refused_stays_as_it_is(machine: Machine) -> None:
    (machine.state / "crontab").write_text("0 1 * * * x\n")
    machine.refuse()
    assert add(machine, "run", "--offline", "x").json["error"]["code"] == "SCHEDULER_FAILED"
    assert machine.crontab == "0 1 * * * x\n"


@pytest.mark.process
def test_a_crontab_is_whole_even_if_crossrun_is_killed_while_it_is_replaced(
    machine: Machine,
) -> None:
    own = "".join(f"{minute % 60} 1 * * * /bin/backup {minute}\n" for minute in range(30_000))
    (machine.state / "crontab").write_text(own)
    (machine.state / "slow").touch()
    adding = machine.crossrun.start("schedule", "add", "0 7 * * *", "--", "run", "--offline", "x")
    wait_for(machine.state / "begun")
    adding.kill()
    adding.communicate()
    time.sleep(1.5)
    assert machine.crontab.startswith(own)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_entry_that_was_changed_by_hand_is_marked(machine: Machine) -> None:
    assert add(machine, "run", "--offline", "x").code == 0
    changed = machine.crontab.replace("\n0 7", "\n0 9")
    (machine.state / "crontab").write_text(changed)
    assert machine.crossrun.json("schedule")["schedules"][0]["changed"] is True
    assert "changed in crontab by hand" in machine.crossrun("schedule").out


def test_names_are_free_or_refused(machine: Machine) -> None:
    assert machine.add("@daily", "run --template lint --offline")["name"] == "lint"
    assert machine.add("@daily", "run --template lint --offline")["name"] == "lint-2"
    assert add(machine, "run", "--offline", "x", name="lint").code == 2
    assert add(machine, "run", "--offline", "x", name="../x").code == 2
    unknown = machine.crossrun("schedule", "rm", "lnit", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (6, "SCHEDULE_NOT_FOUND")


def test_a_schedule_runs_now_in_its_own_folder(machine: Machine) -> None:
    assert add(machine, "run", "--executor", "shell", "pwd > here").code == 0
    started = machine.crossrun.cwd
    machine.crossrun.cwd = started.parent
    assert machine.crossrun("schedule", "run", "nightly").code == 0
    assert machine.crossrun.json("show")["tags"] == ["scheduled", "schedule:nightly"]


def test_without_a_scheduler_the_error_says_so(machine: Machine) -> None:
    shutil.rmtree(machine.state.parent / "programs")
    machine.crossrun.environ["PATH"] = str(machine.state)
    refused = add(machine, "run", "--offline", "x")
    assert (refused.code, refused.json["error"]["code"]) == (3, "SCHEDULER_MISSING")


def test_a_launch_agent_has_its_times_and_its_command(machine: Machine, tmp_path: Path) -> None:
    schedule = Schedule(
        name="nightly", when="30 6 * * 1-2", arguments=("x",), folder="/tmp",  # noqa: S108
        program=("/bin/crossrun",), environ={"PATH": "/bin"}, log="/tmp/log",  # noqa: S108
    )  # fmt: skip
    agents = Launchd(machine.crossrun.environ, tmp_path / "agents")
    agents.write(schedule)
    content = plistlib.loads((tmp_path / "agents" / "dev.crossrun.nightly.plist").read_bytes())
    assert content["StartCalendarInterval"] == [
        {"Minute": 30, "Hour": 6, "Weekday": 1}, {"Minute": 30, "Hour": 6, "Weekday": 2},
    ]  # fmt: skip
    assert content["ProgramArguments"][:2] == ["/bin/crossrun", "run"]
    assert agents.schedules() == [schedule]
    assert "bootstrap" in (machine.state / "calls").read_text()
    agents.remove(schedule)
    assert agents.schedules() == []


def test_what_an_entry_says_of_itself_survives_any_text(machine: Machine) -> None:
    task = "\"quotes\" \\ back % $(x) `y` 'z' ü # {}"
    assert add(machine, "run", "--offline", task).code == 0
    (listed,) = machine.crossrun.json("schedule")["schedules"]
    assert listed["arguments"] == ["--offline", task]
    assert json.dumps(listed["command"])
