"""What the user does to patterns: switch them off and on, remove them."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.commands.patterns.files import tell
from crossrun.cli.globals import current
from crossrun.projections.documents import document
from crossrun.system.clock import now

PatternReference = Annotated[
    str | None, typer.Argument(metavar="[PAT]", help="An id or a prefix of one.")
]
PatternNamed = Annotated[str, typer.Argument(metavar="PAT", help="An id or a prefix of one.")]


def disable(pattern: PatternNamed, json: Json = False) -> None:
    """Keep a pattern from being chosen; it can still be named with --pattern."""
    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    app.store.change_patterns(
        lambda patterns: patterns.set_state(
            chosen.id, "disabled", "Disabled by the user.", kept=False, at=now()
        )
    )
    tell(app.store, chosen.id, options, json=json, message="{id} is no longer chosen")


def enable(pattern: PatternNamed, json: Json = False) -> None:
    """Let a pattern be chosen again; later runs do not overrule you."""
    from crossrun.patterns.evaluation.lifecycle import against_evidence, enable

    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    transition = enable(chosen.state)
    app.store.change_patterns(
        lambda patterns: patterns.set_state(
            chosen.id,
            transition.state,
            transition.reason,
            kept=chosen.kept_by_user or against_evidence(chosen.state, chosen.stats),
            at=now(),
        )
    )
    tell(app.store, chosen.id, options, json=json, message="{id} may be chosen again")


def rm(pattern: PatternNamed, json: Json = False) -> None:
    """Remove a pattern and all its versions. Events of runs still mention it."""
    options = current()
    app = options.open_app()
    chosen = app.store.patterns.pattern(pattern)
    options.confirm(
        f"Remove {chosen.id}, {chosen.version} versions of it?",
        hint=f"use --yes, or keep it unused: crossrun patterns disable {chosen.id}",
        declined="nothing was removed",
    )
    app.store.change_patterns(lambda patterns: patterns.remove(chosen.id))
    if json:
        options.out.emit(document({"removed": chosen.id}))
    else:
        options.say(f"{chosen.id} is removed")
