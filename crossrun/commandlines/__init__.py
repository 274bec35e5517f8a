"""Command lines of agents: how they are split, what they are for, what their output shows."""
