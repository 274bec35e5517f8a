"""Compiling: from runs that agree to a script that needs no agent, or why there is none."""
