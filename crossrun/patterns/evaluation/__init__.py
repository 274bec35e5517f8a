"""What a pattern is worth, and whether it may go on."""
