"""Operating system services with their pitfalls handled: locks, clocks, streams."""
