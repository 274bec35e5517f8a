"""The block of a pattern as a run would get it now."""

from contextlib import suppress

from crossrun.errors import ConfigurationError
from crossrun.memory.blocks import BlockWriter
from crossrun.memory.references import ReferenceFolders
from crossrun.model.workflows import Pattern
from crossrun.patterns.formats.block import Layout
from crossrun.services.app import App
from crossrun.services.assembly import person


def block_text(app: App, pattern: Pattern) -> str:
    """The block, beside the patterns that are nearest to its own task.

    Its files are put where it names them, if that can be written to.
    """
    from crossrun.patterns.retrieval.ranking import rank

    candidates = app.store.patterns.candidates(
        pattern.task, task_type=pattern.task_type, project_id=None
    )
    settings = app.settings.patterns
    blocks = BlockWriter(
        app.store,
        ReferenceFolders(app.settings.paths.references),
        person=person(app.settings),
        layout=Layout(
            form=settings.form, max_steps=settings.max_steps, max_tokens=settings.max_tokens
        ),
    )
    near = (scored.candidate.id for scored in rank(candidates).scored)
    block = blocks.write(pattern, near)
    with suppress(ConfigurationError, OSError):
        blocks.lay(block)
    return block.text
