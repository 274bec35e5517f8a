"""Writing to a git repository of the user's, without git ever opening it.

`branches` makes a branch with one commit from a run's change, `commit_transfer` brings the agent's
own commits, and `git_state` restores HEAD, index and references after a run in place.
"""
