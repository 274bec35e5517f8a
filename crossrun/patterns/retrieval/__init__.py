"""One stored pattern or none for a task."""
