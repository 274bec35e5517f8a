"""Experiments: planned from variants and tasks, carried out as batches, read as results."""
