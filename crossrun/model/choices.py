"""What users choose from by name, for settings, options and requests."""

from typing import Literal, get_args

Planner = Literal["direct", "openai"]
PlannerChoice = Literal["auto", "direct", "openai"]
PLANNERS: tuple[PlannerChoice, ...] = get_args(PlannerChoice)
Sandbox = Literal["read-only", "workspace-write", "danger-full-access"]
SANDBOXES: tuple[Sandbox, ...] = get_args(Sandbox)
Scope = Literal["user", "project"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
CompiledUse = Literal["never", "when-proven"]
COMPILED_USES: tuple[CompiledUse, ...] = get_args(CompiledUse)
BlockForm = Literal["procedure", "assignments", "commands", "steps"]
BLOCK_FORMS: tuple[BlockForm, ...] = get_args(BlockForm)
ReviewPolicy = Literal["never", "imported", "always"]
REVIEW_POLICIES: tuple[ReviewPolicy, ...] = get_args(ReviewPolicy)
RequiredProof = Literal["checked", "proven"]
REQUIRED_PROOFS: tuple[RequiredProof, ...] = get_args(RequiredProof)
FollowLinks = Literal["no", "copy"]
FOLLOW_LINKS: tuple[FollowLinks, ...] = get_args(FollowLinks)
DefaultSource = Literal["auto", "none"]
DEFAULT_SOURCES: tuple[DefaultSource, ...] = get_args(DefaultSource)
NotifyWhen = Literal["always", "failed", "long"]
NOTIFY_WHEN: tuple[NotifyWhen, ...] = get_args(NotifyWhen)
NotifyChannel = Literal["desktop", "bell", "terminal", "command", "webhook"]
NOTIFY_CHANNELS: tuple[NotifyChannel, ...] = get_args(NotifyChannel)
SCHEDULED_TAG = "scheduled"
"""The tag of runs that a scheduler of the system started."""

MOST_JOBS = 128
"""So many runs of a batch are carried out at the same time at most: each takes a thread."""
