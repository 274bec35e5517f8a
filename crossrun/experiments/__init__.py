"""Experiments: which variant does better on the same tasks. Values to values, without I/O.

`services.experiments` plans and carries them out as batches.
"""
