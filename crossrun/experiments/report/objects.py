"""The results of an experiment as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

from crossrun.experiments import sentences
from crossrun.experiments.comparison import VariantComparison
from crossrun.experiments.results import Results, Tally, TaskResult, VariantResult
from crossrun.experiments.variants import Variant


def results_object(results: Results) -> dict[str, Any]:
    """What `experiment show --json` says besides the id and state of the experiment."""
    design = results.design
    return {
        "variants": list(map(_variant, results.variants)),
        "pairs": results.pairs,
        "comparisons": list(map(_comparison, results.comparisons)),
        "tasks": list(map(_task, results.tasks)),
        "seed": design.seed,
        "repetitions": design.repetitions,
        "check_first": design.checked_first,
        "all": design.runs_all,
        "pattern_id": design.pattern_id,
        "decided": results.is_decided,
        "intervals": sentences.kinds_of_intervals(results),
    }


def settings_object(variant: Variant) -> dict[str, Any]:
    """The settings of a variant; one that is given several times is a list."""
    values: dict[str, list[str]] = {}
    for key, value in variant.settings:
        values.setdefault(key, []).append(value)
    return {key: texts[0] if len(texts) == 1 else texts for key, texts in values.items()}


def _variant(result: VariantResult) -> dict[str, Any]:
    variant = result.variant
    return {"name": variant.name, "settings": settings_object(variant), **_tally(result.tally)}


def _comparison(comparison: VariantComparison) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(comparison)
    return {
        **content,
        "decided": comparison.is_decided,
        "sentence": sentences.verdict(comparison),
    }


def _task(result: TaskResult) -> dict[str, Any]:
    content: Mapping[str, Any] = msgspec.to_builtins(result.task)
    tallies = [{"name": name, **_tally(tally)} for name, tally in result.tallies.items()]
    return {**content, "variants": tallies}


def _tally(tally: Tally) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(tally)
    return content
