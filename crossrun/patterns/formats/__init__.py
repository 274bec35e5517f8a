"""Patterns as text: the block that an agent reads, YAML for people, skills for agents."""
