"""Retrieval: the stored pattern that fits a task, or none."""
