"""Folders of runs: where they are, how they are filled, recorded, compared and applied.

Empty, so that a command that only measures folders does not load what records them.
"""
