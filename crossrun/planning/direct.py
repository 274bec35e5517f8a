"""No planning: the agent gets the whole task in one turn."""

from crossrun.planning import PlannerDecision, PlannerInput


class DirectPlanner:
    """One step, whose prompt is the task."""

    def next_step(self, planner_input: PlannerInput) -> PlannerDecision:
        """The task first, then nothing more."""
        return PlannerDecision(prompt=None if planner_input.reports else planner_input.task)
