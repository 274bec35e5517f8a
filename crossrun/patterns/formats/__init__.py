"""Patterns as text: blocks for agents, YAML for people, Agent Skills for both."""
