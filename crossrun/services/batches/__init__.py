"""Batches: planned from options and files, carried out by a bounded number of workers, read."""
