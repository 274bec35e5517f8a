"""What a pattern is worth, and whether it stays in use."""
