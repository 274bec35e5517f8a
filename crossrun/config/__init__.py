"""Settings, where they come from, and task types."""
