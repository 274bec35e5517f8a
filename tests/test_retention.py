"""Which workspaces go and why, as tables."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crossrun.config.values import size
from crossrun.model.retention import (
    DEFAULT_AGE,
    RetentionRules,
    WorkspaceRun,
    WorkspaceUsage,
    planned,
)
from crossrun.model.status import Status
from crossrun.system.clock import utc
from crossrun.views.disk import usage_table
from crossrun.views.terminal import Terminal
from crossrun.views.words import age, disk_size

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 86400.0
ALL = RetentionRules(older_than=0)
SOURCE: dict[str, Any] = {"has_source": True, "has_work": True}


def run(run_id: str, days: float = 0, **more: Any) -> WorkspaceRun:  # noqa: ANN401
    values = {"project_id": "p", "workspace": f"/w/{run_id}", "status": Status.SUCCEEDED, **more}
    return WorkspaceRun(run_id, at=utc(NOW - timedelta(days=days)), **values)


def alone(run_id: str, days: float = 0, size: int = 1, **more: Any) -> WorkspaceUsage:  # noqa: ANN401
    return WorkspaceUsage((run(run_id, days, **more),), size=size)


def going(usages: list[WorkspaceUsage], rules: RetentionRules) -> str:
    """The ids of those that go, in order."""
    return "".join(sorted(usage.newest.id for usage, _ in planned(usages, rules, NOW).going))


THREE = [alone("a", 40, 30), alone("b", 20, 20), alone("c", 1, 10, project_id="q")]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (RetentionRules(), "abc"),
        (RetentionRules().or_default(), "a"),
        (RetentionRules(older_than=20 * DAY), "ab"),
        (RetentionRules(older_than=41 * DAY), ""),
        (RetentionRules(keep_last=1), "a"),
        (RetentionRules(keep_last=0), "abc"),
        (RetentionRules(keep_last=2), ""),
        (RetentionRules(max_size=60), ""),
        (RetentionRules(max_size=59), "a"),
        (RetentionRules(max_size=30), "a"),
        (RetentionRules(max_size=29), "ab"),
        (RetentionRules(max_size=0), "abc"),
        (RetentionRules(max_size=0, keep_last=1), "a"),
        (RetentionRules(max_size=0, older_than=20 * DAY), "ab"),
        (RetentionRules(max_size=0, spared="a"), "bc"),
        (RetentionRules(older_than=0, project_id="q"), "c"),
        (RetentionRules(older_than=0, status=Status.FAILED), ""),
        (RetentionRules(older_than=0, status=Status.SUCCEEDED), "abc"),
    ],
)
def test_each_rule_lets_fewer_go(rules: RetentionRules, told: str) -> None:
    assert going(THREE, rules) == told


def test_without_a_rule_those_go_that_are_older_than_thirty_days() -> None:
    assert (
        RetentionRules(force=True, project_id="p").or_default().older_than
        == DEFAULT_AGE
        == 30 * DAY
    )
    assert RetentionRules(keep_last=0).or_default() == RetentionRules(keep_last=0)


def test_the_largest_is_told_first() -> None:
    usages = [alone("a", 3, 5), alone("b", 9, 7), alone("c", 1, 6)]
    plan = planned(usages, ALL, NOW)
    assert [usage.newest.id for usage, _ in plan.going] == ["b", "c", "a"]
    assert plan.size == 18


WORK = run("1", 9, **SOURCE)
NO_WORK = run("2", 8, has_source=True)
MORE_WORK = run("2", 8, has_work=True)
APPLIED = run("1", 9, applied=True, **SOURCE)
KEPT: list[tuple[str, list[WorkspaceUsage], str | None]] = [
    ("a run without a source", [alone("1", has_work=True)], None),
    ("work on a copy", [WorkspaceUsage((WORK,))], "its work was not applied"),
    ("a copy without work", [WorkspaceUsage((NO_WORK,))], None),
    ("applied work", [WorkspaceUsage((APPLIED,))], None),
    ("nothing new after it was applied", [WorkspaceUsage((APPLIED, NO_WORK))], None),
    ("something new after it", [WorkspaceUsage((APPLIED, MORE_WORK))], "its work was not applied"),
    (
        "applied when it was complete",
        [WorkspaceUsage((WORK, MORE_WORK._replace(applied=True)))],
        None,
    ),
    ("a later run without work", [WorkspaceUsage((WORK, NO_WORK))], "its work was not applied"),
    (
        "a clone with the same source that was applied",
        [
            WorkspaceUsage((WORK,)),
            WorkspaceUsage((run("3", 1, cloned_from="1", applied=True, **SOURCE),)),
        ],
        None,
    ),
    (
        "a clone of a clone that was applied",
        [
            WorkspaceUsage((WORK,)),
            WorkspaceUsage((run("3", 2, cloned_from="1", **SOURCE),)),
            WorkspaceUsage((run("4", 1, cloned_from="3", applied=True, **SOURCE),)),
        ],
        None,
    ),
    (
        "a clone that was not applied",
        [WorkspaceUsage((WORK,)), WorkspaceUsage((run("3", 1, cloned_from="1", **SOURCE),))],
        "its work was not applied",
    ),
    (
        "a clone of it before its last work",
        [
            WorkspaceUsage((WORK, MORE_WORK)),
            WorkspaceUsage((run("3", 1, cloned_from="1", applied=True, **SOURCE),)),
        ],
        "its work was not applied",
    ),
    (
        "an applied clone that does not know the source",
        [WorkspaceUsage((WORK,)), WorkspaceUsage((run("3", 1, cloned_from="1", applied=True),))],
        "its work was not applied",
    ),
    ("a run that goes on", [alone("1", status=Status.RUNNING, ended=False)], "1 is running"),
    ("a run that waits", [alone("1", status=Status.QUEUED, ended=False)], "1 is queued"),
    (
        "an older run that goes on",
        [WorkspaceUsage((run("1", status=Status.RUNNING, ended=False), run("2")))],
        "1 is running",
    ),
    ("a folder of the user", [alone("1", in_place=True)], "your own folder"),
    ("what is in the way", [WorkspaceUsage((run("1"),), obstacle="it is a link")], "it is a link"),
]


@pytest.mark.parametrize(
    ("usages", "told"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT]
)
def test_what_stays_is_told_with_why(usages: list[WorkspaceUsage], told: str | None) -> None:
    plan = planned(usages, ALL, NOW)
    why = {usage.runs[0].id: reason for usage, reason in plan.kept}
    first = usages[0].runs[0].id
    assert why.get(first) == told
    assert len(plan.going) + len(plan.kept) == len(usages)


@pytest.mark.parametrize(
    ("usages", "told"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT]
)
def test_force_gives_up_nothing_but_work(usages: list[WorkspaceUsage], told: str | None) -> None:
    plan = planned(usages, ALL._replace(force=True), NOW)
    kept = [reason for usage, reason in plan.kept if usage == usages[0]]
    assert kept == ([told] if told and "applied" not in told else [])


def test_the_age_of_a_workspace_is_that_of_its_newest_run() -> None:
    chain = WorkspaceUsage((run("1", 90), run("2", 1)))
    assert going([chain], RetentionRules(older_than=2 * DAY)) == ""
    assert going([chain], RetentionRules(older_than=DAY)) == "2"


def test_what_has_to_stay_counts_for_the_total_size() -> None:
    usages = [alone("a", 9, 50, **SOURCE), alone("b", 5, 10), alone("c", 1, 10)]
    plan = planned(usages, RetentionRules(max_size=60), NOW)
    assert [usage.newest.id for usage, _ in plan.going] == ["b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0", 0),
        ("500", 500),
        ("500B", 500),
        ("1.5kb", 1500),
        ("500MB", 500_000_000),
        (" 5 GB ", 5_000_000_000),
        ("5g", 5_000_000_000),
        ("2GiB", 2 * 1024**3),
        ("1TiB", 1024**4),
        (".5k", 500),
    ],
)
def test_sizes_are_read(text: str, told: int) -> None:
    assert size(text) == told


@pytest.mark.parametrize(
    "text", ["", "GB", "-1", "5 XB", "1e9", "5GBs", "\u0665", "5ib", "1.", "nan"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size(text)


def test_sizes_are_shown_with_three_digits() -> None:
    numbers = (0, 512, 999, 1000, 4096, 9995, 20_480, 99_950, 999_499, 999_500, 1_234_567_890)
    assert [disk_size(number) for number in numbers] == [
        "0 B", "512 B", "999 B", "1.00 KB", "4.10 KB", "10.0 KB", "20.5 KB", "100 KB", "999 KB",
        "1.00 MB", "1.23 GB",
    ]  # fmt: skip


def test_ages_are_shown_in_one_unit() -> None:
    assert [age(seconds) for seconds in (5, 60, 7200, 3 * DAY)] == ["now", "1m", "2h", "3d"]


def test_the_reason_fits_a_narrow_terminal() -> None:
    terminal = Terminal(stream=io.StringIO(), width=60, color=False, live=False, unicode=True)
    usage = alone("k7f3abcd", 40, 327_680, project_id="default")
    lines = list(usage_table([(usage, "its work was not applied")], "KEPT BECAUSE", terminal))
    assert max(map(len, lines)) <= 60
    assert lines[1].endswith("its work was not applied")
