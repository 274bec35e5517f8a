"""What the operating system offers, with its pitfalls taken care of: locks, clocks, streams."""
