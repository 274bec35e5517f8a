"""From runs that did the same to a script that does it without an agent, or why that cannot be."""
