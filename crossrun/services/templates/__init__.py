"""Templates of runs: filled in for a run, listed and kept as files, made from runs."""
