"""The process supervisor on real processes: what they say arrives, how they end is told truly."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest
from processes import LINGERING, is_gone, lingering, told_pid, wait_for

from crossrun.executors.commands import CommandResult, run_command, shell
from crossrun.executors.descent import Tracking
from crossrun.executors.process import (
    LONGEST_LINE,
    STALLED,
    Launch,
    LinePart,
    Output,
    ProcessExit,
    ProcessLimits,
    supervise,
)
from crossrun.executors.survivors import MARKER, adopting_orphans, end_survivors, marked
from crossrun.model.failures import CANCELLED, TIMED_OUT
from crossrun.system.cancellation import CancelToken

MIB = 1024 * 1024
ENVIRON = {"PATH": os.environ["PATH"]}
Lines = Generator[Output, None, ProcessExit]


@dataclass(frozen=True)
class Seen:
    """What came of a child, pauses aside."""

    output: list[bytes | LinePart]
    exit: ProcessExit
    seconds: float


def watched(
    lines: Lines,
    *,
    when: Callable[[], bool] = lambda: False,
    then: Callable[[], None] = lambda: None,
) -> Seen:
    """Follows a child to its end; does something once, when it is time."""
    began, done, output = time.monotonic(), False, list[bytes | LinePart]()
    try:
        while True:
            line = next(lines)
            output += [line] if line is not None else []
            if not done and when():
                done, began = True, time.monotonic()
                then()
            assert time.monotonic() < began + 40, "it does not end"
    except StopIteration as ended:
        return Seen(output, ended.value, time.monotonic() - began)
    finally:
        lines.close()


@dataclass
class Supervised:
    """Starts children that belong to one run."""

    cwd: Path
    run_id: str

    def lines(self, script: str, limits: ProcessLimits | None = None) -> Lines:
        """Gets a shell script ready to be run; the first `next` starts it."""
        return supervise(self.launch(*shell(script)), limits or ProcessLimits(CancelToken()))

    def launch(self, *argv: str, **options: Any) -> Launch:  # noqa: ANN401  fields of Launch
        tracking = Tracking(folder=self.cwd)
        return Launch(argv, self.cwd, ENVIRON, self.run_id, tracking=tracking, **options)

    def script(self, script: str, limits: ProcessLimits | None = None, **options: Any) -> Seen:  # noqa: ANN401
        """Runs a shell script to its end."""
        return watched(
            supervise(
                self.launch(*shell(script), **options), limits or ProcessLimits(CancelToken())
            )
        )

    def python(self, program: str, **options: Any) -> Seen:  # noqa: ANN401  fields of Launch
        """Runs a Python program to its end."""
        launch = self.launch(sys.executable, "-c", program, **options)
        return watched(supervise(launch, ProcessLimits(CancelToken())))

    def stopped(self, script: str, *, urgently: bool = False) -> Seen:
        """Runs a script and asks it to stop as soon as it has made the file `ready`."""
        stop = CancelToken()

        def ask() -> None:
            for _ in range(1 + urgently):
                stop.request("test")

        ready = self.cwd / "ready"
        return watched(self.lines(script, ProcessLimits(stop)), when=ready.exists, then=ask)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path, f"{os.getpid()}-{tmp_path.name}")
    yield made
    end_survivors(made.run_id)


class TestLines:
    @pytest.mark.parametrize(
        ("said", "lines"),
        [
            (b"one\ntwo\n", [b"one", b"two"]),
            (b"dos\r\nmac\rstill\n", [b"dos\r", b"mac\rstill"]),
            (b"a\xe2\x80\xa8b\xe2\x80\xa9c\xc2\x85d\n", [b"a\xe2\x80\xa8b\xe2\x80\xa9c\xc2\x85d"]),
            (b"a\x0bb\x0cc\x1cd\n", [b"a\x0bb\x0cc\x1cd"]),
            (b"nul\0inside\n\0\n", [b"nul\0inside", b"\0"]),
            (b"not \xff\xfe UTF-8\n", [b"not \xff\xfe UTF-8"]),
            (b"one\nno newline", [b"one", b"no newline"]),
            (b"\n\none\n\n", [b"", b"", b"one", b""]),
            (b"", []),
        ],
    )
    def test_only_a_newline_ends_a_line(
        self, supervised: Supervised, said: bytes, lines: list[bytes]
    ) -> None:
        seen = supervised.python(f"import os; os.write(1, {said!r})")
        unterminated = bool(said) and not said.endswith(b"\n")
        assert (seen.output, seen.exit) == (lines, ProcessExit(0, "", unterminated=unterminated))

    def test_a_line_that_is_written_in_parts_is_one_line(self, supervised: Supervised) -> None:
        seen = supervised.script("printf 'one '; sleep 0.2; printf 'line\nand '; sleep 0.2; echo x")
        assert seen.output == [b"one line", b"and x"]

    def test_a_line_comes_as_soon_as_it_is_there(self, supervised: Supervised) -> None:
        lines, began = supervised.lines("echo early; exec sleep 60"), time.monotonic()
        assert next(line for line in lines if line is not None) == b"early"
        assert time.monotonic() - began < 20

    def test_a_quiet_child_gives_pauses(self, supervised: Supervised) -> None:
        lines = supervised.lines("exec sleep 60")
        assert [next(lines) for _ in range(3)] == [None, None, None]
        lines.close()

    def test_a_very_long_line_comes_in_pieces_and_memory_stays_bounded(
        self, supervised: Supervised
    ) -> None:
        program = "import os\nfor _ in range(40): os.write(1, b'x' * 2**20)\nprint('\\nend')"
        launch = supervised.launch(sys.executable, "-c", program)
        pieces, digest, others = list[tuple[int, bool]](), hashlib.sha256(), list[bytes]()
        tracemalloc.start()
        for part in supervise(launch, ProcessLimits(CancelToken())):
            match part:
                case LinePart(data=data, last=last):
                    pieces.append((len(data), last))
                    digest.update(data)
                case bytes():
                    others.append(part)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert [last for _, last in pieces] == [False, False, True]
        assert sum(size for size, _ in pieces) == 40 * MIB
        assert max(size for size, _ in pieces) <= LONGEST_LINE + MIB
        assert digest.digest() == hashlib.sha256(b"x" * 40 * MIB).digest()
        assert others == [b"end"]
        assert peak < 4 * LONGEST_LINE

    def test_the_longest_line_comes_whole_and_one_byte_more_in_pieces(
        self, supervised: Supervised
    ) -> None:
        size = LONGEST_LINE
        seen = supervised.python(f"print('x' * {size}); print('y' * {size + 1}, end='')")

        whole, first, second = seen.output
        assert whole == b"x" * size
        assert isinstance(first, LinePart)
        assert isinstance(second, LinePart)
        assert (first.last, second.last) == (False, True)
        assert first.data + second.data == b"y" * (size + 1)

    def test_a_flood_on_stderr_does_not_block_and_its_end_is_kept(
        self, supervised: Supervised
    ) -> None:
        program = (
            "import sys\n"
            "for number in range(5):\n"
            "    sys.stderr.write('e' * 2**20)\n"
            "    print(number, flush=True)\n"
            "sys.stderr.write('the end')"
        )
        seen = supervised.python(program)

        assert seen.output == [b"0", b"1", b"2", b"3", b"4"]
        assert seen.exit == ProcessExit(0, "e" * (64 * 1024 - 7) + "the end")

    def test_both_outputs_can_come_as_one(self, supervised: Supervised) -> None:
        seen = supervised.script("echo out; echo err >&2; echo out", merge_stderr=True)
        assert (seen.output, seen.exit.stderr) == ([b"out", b"err", b"out"], "")


class TestBeginning:
    def test_a_long_input_arrives_whole_and_ends(self, supervised: Supervised) -> None:
        given = os.urandom(3_000_000)
        program = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
        seen = supervised.python(program, stdin=given)
        assert seen.output == [hashlib.sha256(given).hexdigest().encode()]

    def test_input_that_nobody_reads_does_not_block(self, supervised: Supervised) -> None:
        assert supervised.script("true", stdin=b"x" * 3_000_000).exit == ProcessExit(0, "")

    def test_no_input_is_the_end_of_the_input(self, supervised: Supervised) -> None:
        assert supervised.script("cat; echo read").output == [b"read"]

    def test_a_child_gets_the_given_environment_and_its_runs_marker(self, tmp_path: Path) -> None:
        environ = {**ENVIRON, "NAME": "ünï", MARKER: "another run"}
        launch = Launch(["env"], tmp_path, environ, "this run")
        seen = watched(supervise(launch, ProcessLimits(CancelToken())))

        expected = {**environ, MARKER: "this run"}
        assert {*seen.output} == {f"{name}={value}".encode() for name, value in expected.items()}

    def test_a_child_leads_a_session_of_its_own_in_its_folder(self, supervised: Supervised) -> None:
        seen = supervised.python("import os; print(os.getsid(0) == os.getpid(), os.getcwd())")
        assert seen.output == [f"True {supervised.cwd.resolve()}".encode()]

    @pytest.mark.parametrize(
        ("argv", "error"),
        [
            (["no-such-program-anywhere"], FileNotFoundError),
            (["./plain.txt"], PermissionError),
            (["echo", "x" * 200_000], OSError),
        ],
    )
    def test_what_cannot_be_started_raises_and_leaves_nothing_open(
        self, supervised: Supervised, argv: list[str], error: type[OSError]
    ) -> None:
        (supervised.cwd / "plain.txt").write_text("no program")
        before = psutil.Process().num_fds()
        with pytest.raises(error):
            next(supervise(supervised.launch(*argv), ProcessLimits(CancelToken())))
        assert psutil.Process().num_fds() == before

    def test_a_missing_folder_raises(self, tmp_path: Path) -> None:
        launch = Launch(["true"], tmp_path / "missing", ENVIRON, "run")
        with pytest.raises(FileNotFoundError):
            next(supervise(launch, ProcessLimits(CancelToken())))

    def test_nothing_is_started_before_somebody_listens(self, supervised: Supervised) -> None:
        lines = supervised.lines("touch started")
        lines.close()
        assert not (supervised.cwd / "started").exists()

    def test_many_children_leave_no_file_open(self, supervised: Supervised) -> None:
        supervised.script("true")
        before = psutil.Process().num_fds()
        for _ in range(5):
            supervised.script("echo out; echo err >&2")
        assert psutil.Process().num_fds() == before


class TestEnd:
    @pytest.mark.parametrize("code", [0, 1, 3, 130, 255])
    def test_an_exit_code_is_told(self, supervised: Supervised, code: int) -> None:
        seen = supervised.script(f"echo said; echo why >&2; exit {code}")
        assert (seen.output, seen.exit) == ([b"said"], ProcessExit(code, "why\n"))

    @pytest.mark.parametrize("name", ["INT", "TERM", "KILL", "ABRT"])
    def test_a_deadly_signal_is_told_as_a_negative_number(
        self, supervised: Supervised, name: str
    ) -> None:
        seen = supervised.script(f"kill -{name} $$; sleep 5")
        assert seen.exit == ProcessExit(-signal.Signals[f"SIG{name}"], "")

    def test_all_that_was_said_before_the_end_is_read(self, supervised: Supervised) -> None:
        program = "import os\nfor n in range(50000): os.write(1, b'%d\\n' % n)\nos._exit(3)"
        seen = supervised.python(program)
        assert seen.output == [b"%d" % number for number in range(50000)]
        assert seen.exit == ProcessExit(3, "")

    def test_a_slow_listener_misses_nothing(self, supervised: Supervised) -> None:
        output = list[Output]()
        for line in supervised.lines("seq 12000; sleep 0.2; seq 12001 30000; printf end"):
            if line is None or line in (b"1", b"12001", b"20000"):
                time.sleep(0.4)
            output += [line] if line is not None else []
        assert output == [*(b"%d" % number for number in range(1, 30001)), b"end"]

    def test_a_child_that_closes_its_outputs_is_waited_for(self, supervised: Supervised) -> None:
        seen = supervised.script("echo said; exec >&- 2>&-; sleep 0.5; exit 4")
        assert (seen.output, seen.exit) == ([b"said"], ProcessExit(4, ""))

    def test_a_deadline_ends_a_child(self, supervised: Supervised) -> None:
        limits = ProcessLimits(CancelToken(), deadline=time.monotonic() + 2)
        seen = supervised.script("echo begun; exec sleep 60", limits)

        assert (seen.output, seen.exit) == ([b"begun"], ProcessExit(-signal.SIGINT, "", TIMED_OUT))
        assert seen.exit.cut_short == TIMED_OUT
        assert 1.5 < seen.seconds < 40

    def test_a_deadline_ends_a_child_that_never_stops_talking(self, supervised: Supervised) -> None:
        limits = ProcessLimits(CancelToken(), deadline=time.monotonic() + 0.2)
        seen = supervised.script("exec yes", limits)
        assert seen.exit == ProcessExit(-signal.SIGINT, "", TIMED_OUT)
        assert set(seen.output) >= {b"y"}

    def test_silence_ends_a_child(self, supervised: Supervised) -> None:
        seen = supervised.script(
            "echo begun; exec sleep 60", ProcessLimits(CancelToken(), idle_timeout=1.5)
        )

        assert (seen.output, seen.exit) == ([b"begun"], ProcessExit(-signal.SIGINT, "", STALLED))
        failure = seen.exit.cut_short
        assert failure is not None
        assert (failure.code, failure.retryable) == ("STALLED", True)

    def test_a_child_that_talks_is_not_silent(self, supervised: Supervised) -> None:
        script = "for n in 1 2 3 4 5 6; do sleep 0.4; echo $n; done"
        seen = supervised.script(script, ProcessLimits(CancelToken(), idle_timeout=2))
        assert (seen.output, seen.exit.cut_short) == ([b"%d" % n for n in range(1, 7)], None)

    def test_silence_does_not_count_while_a_command_runs(self, supervised: Supervised) -> None:
        until = time.monotonic() + 1
        limits = ProcessLimits(
            CancelToken(), idle_timeout=0.3, busy=lambda: time.monotonic() < until
        )
        seen = supervised.script("exec sleep 60", limits)
        assert seen.exit.cut_short == STALLED
        assert 1.2 < seen.seconds < 40

    def test_a_child_that_ends_by_itself_was_not_cut_short(self, supervised: Supervised) -> None:
        limits = ProcessLimits(CancelToken(), deadline=time.monotonic() + 60, idle_timeout=60)
        assert supervised.script("exit 1", limits).exit.cut_short is None

    def test_a_stop_is_polite_first(self, supervised: Supervised) -> None:
        script = "trap 'echo bye; exit 7' INT; touch ready; while :; do sleep 0.05; done"
        seen = supervised.stopped(script)

        assert (seen.output, seen.exit) == ([b"bye"], ProcessExit(7, "", CANCELLED))
        assert seen.exit.cut_short == CANCELLED
        assert seen.seconds < 2

    @pytest.mark.parametrize(
        ("ignored", "signum", "least", "most"),
        [("INT", signal.SIGTERM, 0.9, 3.0), ("INT TERM", signal.SIGKILL, 1.4, 4.0)],
    )
    def test_who_ignores_a_polite_signal_gets_the_next(
        self, supervised: Supervised, ignored: str, signum: int, least: float, most: float
    ) -> None:
        seen = supervised.stopped(f"trap '' {ignored}; touch ready; exec sleep 60")
        assert seen.exit == ProcessExit(-signum, "", CANCELLED)
        assert least < seen.seconds < most

    def test_a_second_request_ends_it_at_once(self, supervised: Supervised) -> None:
        script = "trap 'touch polite; exit' INT TERM; touch ready; while :; do sleep 0.05; done"
        seen = supervised.stopped(script, urgently=True)
        assert seen.exit == ProcessExit(-signal.SIGKILL, "", CANCELLED)
        assert seen.seconds < 0.9
        assert not (supervised.cwd / "polite").exists()

    def test_a_stop_reaches_all_of_the_group(self, supervised: Supervised) -> None:
        child = 'trap "echo child; exit" INT; touch ready; while :; do sleep 0.05; done'
        seen = supervised.stopped(f"trap : INT; sh -c '{child}'; echo parent")
        assert (seen.output, seen.exit) == ([b"child", b"parent"], ProcessExit(0, "", CANCELLED))


Ending = Literal["by itself", "stopped", "closed"]


def end_as_told(ending: Ending, supervised: Supervised, script: str) -> None:
    """Runs a script that leaves a process behind, and has it end in one of the ways."""
    is_left = (supervised.cwd / "pids" / "left").exists
    if ending == "closed":
        lines = supervised.lines(f"{script}exec sleep 60")
        wait_for(lambda: next(lines) is None and is_left())
        lines.close()
        return
    stop = CancelToken()
    stays = "exec sleep 60" if ending == "stopped" else ""
    lines = supervised.lines(script + stays, ProcessLimits(stop))
    watched(lines, when=lambda: bool(stays) and is_left(), then=lambda: stop.request("test"))


class TestSurvivors:
    @pytest.mark.parametrize("context", [adopting_orphans, nullcontext])
    @pytest.mark.parametrize("ending", ["by itself", "stopped", "closed"])
    @pytest.mark.parametrize("how", LINGERING)
    def test_nothing_is_left_however_it_ends(
        self,
        supervised: Supervised,
        how: str,
        ending: Ending,
        context: Callable[[], AbstractContextManager[None]],
    ) -> None:
        began = time.monotonic()
        with context():
            end_as_told(ending, supervised, lingering(how, supervised.cwd))

        pid = told_pid(supervised.cwd)
        assert is_gone(pid)
        assert time.monotonic() - began < 40

    def test_who_holds_the_output_open_is_not_waited_for(self, supervised: Supervised) -> None:
        seen = supervised.script("echo said; sleep 60 & exit 3")
        assert (seen.output, seen.exit) == ([b"said"], ProcessExit(3, ""))
        assert seen.seconds < 40

    def test_who_goes_on_talking_after_the_end_is_not_listened_to(
        self, supervised: Supervised
    ) -> None:
        lines, began = supervised.lines("yes & exit 3"), time.monotonic()
        ended = None
        while ended is None and time.monotonic() < began + 40:
            try:
                next(lines)
            except StopIteration as stopped:
                ended = stopped.value
        lines.close()
        assert ended == ProcessExit(3, "")

    def test_nobody_else_is_touched(self, supervised: Supervised) -> None:
        run_id = supervised.run_id
        environs: list[dict[str, str]] = [
            {},
            {MARKER: f"{run_id}0"},
            {MARKER: run_id[:-1]},
            {MARKER: ""},
            {"OTHER": run_id, "X": f"{MARKER}={run_id}"},
        ]
        others = [subprocess.Popen(["sleep", "60"], env=environ) for environ in environs]
        try:
            end_as_told("by itself", supervised, lingering("a plain child", supervised.cwd))
            assert is_gone(told_pid(supervised.cwd))
            assert [other.poll() for other in others] == [None] * len(others)
        finally:
            for other in others:
                other.kill()
                other.wait()

    def test_a_child_of_another_run_keeps_its_exit_code(self, supervised: Supervised) -> None:
        lines = supervised.lines("echo $$ > pid; sleep 0.3; exit 3")
        pid = supervised.cwd / "pid"
        wait_for(lambda: next(lines) is None and pid.exists() and pid.read_text())
        wait_for(lambda: is_gone(int(pid.read_text())))
        end_survivors("another run")
        assert watched(lines).exit == ProcessExit(3, "")

    def test_the_marked_ones_are_found_and_counted(self) -> None:
        run_id = f"counted-{os.getpid()}"
        environ = {**ENVIRON, MARKER: run_id}
        running = [subprocess.Popen(["sleep", "60"], env=environ) for _ in range(3)]
        try:
            wait_for(lambda: len(marked(run_id)) == 3)
            assert sorted(process.pid for process in marked(run_id)) == sorted(
                process.pid for process in running
            )
            assert end_survivors(run_id) == 3
            assert [process.wait() for process in running] == [-signal.SIGKILL] * 3
            assert (marked(run_id), end_survivors(run_id)) == ([], 0)
        finally:
            for process in running:
                process.kill()
                process.wait()


def commanded(
    commands: Generator[None, None, CommandResult],
) -> tuple[int, CommandResult]:
    """How many pauses there were, and what came of the command."""
    pauses = 0
    try:
        while True:
            next(commands)
            pauses += 1
    except StopIteration as ended:
        return pauses, ended.value


@dataclass
class Commands:
    """Runs commands as executors do."""

    workspace: Path

    def __call__(
        self, script: str, limits: ProcessLimits | None = None, **environ: str
    ) -> tuple[int, CommandResult]:
        return commanded(
            run_command(
                shell(script),
                workspace=self.workspace,
                environ={**ENVIRON, **environ},
                run_id=f"command-{os.getpid()}-{self.workspace.name}",
                limits=limits or ProcessLimits(CancelToken()),
            )
        )


@pytest.fixture
def command(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


class TestRunCommand:
    def test_output_and_errors_come_in_their_order(self, command: Commands) -> None:
        _, result = command("echo out; echo err >&2; echo out; exit 3")
        assert result == CommandResult(ProcessExit(3, ""), "out\nerr\nout\n")

    def test_pauses_are_passed_on(self, command: Commands) -> None:
        pauses, result = command("sleep 0.5")
        assert (pauses >= 1, result) == (True, CommandResult(ProcessExit(0, ""), ""))

    def test_bytes_that_are_no_text_become_marks(self, command: Commands) -> None:
        assert command(r"printf 'a\377b\000c\n'")[1].output == "a\ufffdb\0c\n"

    def test_a_last_line_without_a_newline_stays_without(self, command: Commands) -> None:
        assert command("printf 'no newline'")[1].output == "no newline"

    def test_output_within_bounds_is_kept_whole(self, command: Commands) -> None:
        _, result = command("yes 0123456 | head -c 1048576")
        assert result.output == "0123456\n" * (MIB // 8)

    def test_of_long_output_beginning_and_end_are_kept(self, command: Commands) -> None:
        _, result = command("echo first; yes 0123456 | head -c 3145728; echo last!")

        missing = 3 * MIB + len("first\nlast!\n") - MIB
        text = "first\n" + "0123456\n" * (3 * MIB // 8) + "last!\n"
        gap = f"\n... {missing} bytes left out ...\n"
        assert result.output == text[: MIB // 2] + gap + text[-MIB // 2 :]

    def test_of_one_endless_line_beginning_and_end_are_kept(self, command: Commands) -> None:
        _, result = command("printf first; head -c 41943040 /dev/zero | tr '\\0' x; echo last!")

        assert len(result.output) < MIB + 100
        assert result.output.startswith("firstxxx")
        assert result.output.endswith("xxxlast!\n")
        assert f"\n... {39 * MIB + 11} bytes left out ...\n" in result.output

    def test_a_command_gets_no_keys_and_knows_its_place(self, command: Commands) -> None:
        _, result = command(
            "env",
            OPENAI_API_KEY="sk-1",
            MY_TOKEN="t",
            db_password="p",
            AWS_SECRET_ACCESS="s",
            CREDENTIALS="c",
            HARMLESS="h",
            PWD="/elsewhere",
        )
        seen = dict(line.split("=", 1) for line in result.output.splitlines())
        seen.pop("_", None)
        assert seen == {
            **ENVIRON,
            "HARMLESS": "h",
            "PWD": str(command.workspace),
            MARKER: f"command-{os.getpid()}-{command.workspace.name}",
        }

    def test_a_command_ends_at_its_deadline_with_what_it_left(self, command: Commands) -> None:
        script = lingering("one in a session of its own", command.workspace)
        limits = ProcessLimits(CancelToken(), deadline=time.monotonic() + 4)
        _, result = command(f"{script}echo begun; exec sleep 60", limits)

        assert result == CommandResult(ProcessExit(-signal.SIGINT, "", TIMED_OUT), "begun\n")
        assert is_gone(told_pid(command.workspace))

    def test_a_command_that_nobody_waits_for_is_ended(self, tmp_path: Path) -> None:
        running = run_command(
            shell("echo $$ > pid; exec sleep 60"),
            workspace=tmp_path,
            environ=ENVIRON,
            run_id=f"closed-{os.getpid()}",
            limits=ProcessLimits(CancelToken()),
        )
        pid = tmp_path / "pid"
        wait_for(lambda: next(running) is None and pid.exists() and pid.read_text())
        running.close()
        assert is_gone(int(pid.read_text()))

    def test_the_shell_is_the_systems_own(self) -> None:
        assert shell("echo x", "-e") == ["/bin/sh", "-e", "-c", "echo x"]
