"""Three-way merges: decides what a run's change means for files that may have changed since.

Nothing is written here. `planner` makes a `MergePlan` from the recorded states and the target,
by the rules in `decisions`, `path_matching` (names that are one file there) and `drivers`
(`merge` attributes).
"""
