"""Search over what runs were asked, said, did and printed.

Light to import: a search starts as fast as a list of runs.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from crossrun.errors import ConfigurationError, UsageError
from crossrun.model.queries import SEARCH_FIELDS, RunFilter, RunMatches, SearchField, SearchQuery
from crossrun.services.app import App
from crossrun.services.notices import Notice
from crossrun.store import Store
from crossrun.store.search_texts import has_words

_STEPS_SHOWN = 5
"""Steps of one run that a search returns."""
_AFTER_A_RUN = 0.25
"""Seconds that a run spends on the index after its end; the next search does the rest."""
_PART = r'(?P<minus>-(?=[^-\s]))?(?:"(?P<phrase>[^"]*)"?(?P<prefix>\*?)|(?P<word>[^\s"]+))'
_EXAMPLE = "for example: crossrun search KeyError"


class SearchResult(NamedTuple):
    """The newest runs that match.

    `more`: there are others. `unindexed` counts events that could not be searched, because of
    `obstacle`.
    """

    runs: list[RunMatches]
    more: bool
    unindexed: int
    obstacle: str


def parse_query(arguments: Sequence[str], fields: Sequence[SearchField] = ()) -> SearchQuery:
    """What words of a command line search for.

    An argument with spaces is a phrase, unless it has quotes itself: then it is read as words,
    "phrases" and -excluded ones.

    Raises:
        UsageError: there is nothing to search for.
    """
    words: list[str] = []
    excluded: list[str] = []
    for argument in arguments:
        is_phrase = '"' not in argument and len(argument.split()) > 1
        for text, is_excluded in [(argument, False)] if is_phrase else _parts(argument):
            if has_words(text):
                (excluded if is_excluded else words).append(text)
    if not words:
        raise UsageError(
            "SEARCH_EMPTY", "there is no word to search for", hint=f"name one, {_EXAMPLE}"
        )
    return SearchQuery(tuple(words), tuple(excluded), tuple(fields) or SEARCH_FIELDS)


def search(
    app: App, query: SearchQuery, wanted: RunFilter, progress: Callable[[int], None]
) -> SearchResult:
    """Searches, after the index has caught up with what was recorded.

    Args:
        app: whose runs.
        query: the words.
        wanted: which runs; its limit is that of the result.
        progress: called with the number of events that the index still lacks.
    """
    obstacle = catch_up(app.store, progress)
    matching = app.store.search.matches(
        query, wanted._replace(limit=wanted.limit + 1), steps=_STEPS_SHOWN
    )
    chosen = matching[: wanted.limit]
    filters = RunFilter(ids=tuple(each.run_id for each in chosen), limit=len(chosen))
    lines = {line.id: line for line in app.store.read.lines(filters)}
    runs = [
        RunMatches(lines[each.run_id], each.steps, each.more)
        for each in chosen
        if each.run_id in lines
    ]
    unindexed = sum(app.store.search.pending().values()) if obstacle else 0
    return SearchResult(runs, len(matching) > wanted.limit, unindexed, obstacle)


def with_matches(app: App, wanted: RunFilter, progress: Callable[[int], None]) -> RunFilter:
    """A filter by text that also chooses the runs whose steps match.

    What could not be searched is a notice.
    """
    parts = _parts(wanted.search or "")
    words = tuple(text for text, is_excluded in parts if not is_excluded and has_words(text))
    if not words:
        return wanted
    obstacle = catch_up(app.store, progress)
    if obstacle:
        count = sum(app.store.search.pending().values())
        app.notify(Notice(f"{count:,} events could not be searched: {obstacle}", warning=True))
    query = SearchQuery(words, tuple(text for text, is_excluded in parts if is_excluded))
    return wanted._replace(ids=tuple(app.store.search.run_ids(query, wanted._replace(limit=0))))


def catch_up(store: Store, progress: Callable[[int], None]) -> str:
    """Adds everything to the index that it lacks; why that is not possible, or an empty text."""
    try:
        for left in store.index():
            progress(left)
    except ConfigurationError as error:
        return error.message
    return ""


def index_after_run(store: Store) -> None:
    """Adds the events of a run that has ended to the index, for a moment at most."""
    until = time.monotonic() + _AFTER_A_RUN
    try:
        for _ in store.index():
            if time.monotonic() >= until:
                return
    except ConfigurationError:
        return  # the next search catches up


def _parts(text: str) -> list[tuple[str, bool]]:
    """The words and phrases of a text, and whether they are excluded."""
    return [
        (match["phrase"] + match["prefix"] if match["word"] is None else match["word"],
         match["minus"] is not None)
        for match in re.finditer(_PART, text)
    ]  # fmt: skip
