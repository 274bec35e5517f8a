"""What `apply` and `undo` print."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crossrun.cli.globals import Globals
from crossrun.projections.documents import plain_object

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.services.applying import ApplyResult


def result_object(result: "ApplyResult", run: "Run") -> dict[str, Any]:
    """The result for programs."""
    from crossrun.workspace.files.dirfd import shown
    from crossrun.workspace.files.filenames import percent_encoded

    application, plan = result.application, result.plan
    return {
        "run_id": run.id,
        "application_id": application.id if application else None,
        "path": str(result.folder),
        "branch": result.branch,
        "commit": application.after if application and application.branch else None,
        "pushed_to": result.pushed_to,
        "pull_request": result.pull_request,
        "refs": [plain_object(each) for each in result.refs],
        "files": [
            {
                "path": shown(step.path),
                "status": step.status,
                "old_path": None if step.old_path is None else shown(step.old_path),
                "merged": step.content is not None,
                "path_bytes": percent_encoded(step.path),
            }
            for step in plan.steps
        ],
        "conflicts": [
            {
                "path": shown(conflict.path),
                "reason": conflict.reason,
                "written": None if conflict.written is None else shown(conflict.written),
                "path_bytes": percent_encoded(conflict.path),
            }
            for conflict in plan.conflicts
        ],
        "already": plan.already,
        "restored": list(result.restored),
        "notes": [{"path": shown(path), "note": words} for path, words in result.notes],
        "ignored_left": result.ignored_left,
        "left": result.left,
        "other_branch": result.other_branch,
        "recovered": [
            {
                "run_id": each.application.run_id,
                "application_id": each.application.id,
                "files": len(each.plan.steps),
                "left": [shown(conflict.path) for conflict in each.plan.conflicts],
            }
            for each in result.recovered
        ],
    }


def say_result(options: Globals, lines: Iterable[str], *, always: bool) -> None:
    """Explains the result; `always`, which is for exit codes other than 0, even with --quiet."""
    if always:
        options.err.write(lines)
    else:
        options.say(*lines)
