"""Sequential statistics for bounded outcomes: what can be said, and when it may be looked at."""
