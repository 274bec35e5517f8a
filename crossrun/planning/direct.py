"""No planning: the agent gets the task as it is, in one turn."""

from crossrun.planning import Situation, Thought


class DirectPlanner:
    """One step, whose prompt is the task."""

    def next_step(self, situation: Situation) -> Thought:
        """The task first, then nothing more."""
        return Thought(prompt=None if situation.reports else situation.task)
