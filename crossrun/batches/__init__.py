"""Batches as values: files of rows, their graph, which rows may start. Nothing here does I/O."""
