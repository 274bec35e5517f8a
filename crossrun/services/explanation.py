"""Why a run was carried out as it was: its pattern, template, agent, settings and forecast."""

from typing import NamedTuple

from crossrun.errors import NotFoundError
from crossrun.events import ForecastMade, PatternDecided, RunStarted
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Run
from crossrun.services.origins import AppliedSetting, applied_settings
from crossrun.store import Store


class Explanation(NamedTuple):
    """What applied to a run.

    `decided` is None if the run ended before a pattern was decided on.
    """

    run: Run
    request: RunRequest
    settings: list[AppliedSetting]
    decided: PatternDecided | None
    forecast: ForecastMade | None


def explain(store: Store, run: Run) -> Explanation:
    """Reads what applied to a run.

    Raises:
        NotFoundError: its first event cannot be read by this version.
    """
    started = store.read.first_event(run.id, RunStarted)
    if started is None:
        raise NotFoundError(
            "NOT_EXPLAINABLE",
            f"what applied to the run {run.id} is not known",
            hint="a newer crossrun recorded it; update crossrun",
        )
    return Explanation(
        run=run,
        request=started.request,
        settings=applied_settings(started.request),
        decided=store.read.first_event(run.id, PatternDecided),
        forecast=store.read.first_event(run.id, ForecastMade),
    )
