"""From what an agent did to a pattern that can be used again."""
