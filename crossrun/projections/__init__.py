"""Folds over the events of a run: the run itself, where it may be resumed, its JSON."""
