"""Tokens used, and what they cost."""

from msgspec import Struct


class Tokens(Struct, frozen=True):
    """Tokens used, agent and planner together."""

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input + other.input,
            self.cached_input + other.cached_input,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )

    def __sub__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input - other.input,
            self.cached_input - other.cached_input,
            self.output - other.output,
            self.reasoning - other.reasoning,
        )

    def or_none(self) -> "Tokens":
        """With negative numbers as zero: sums over a thread may lack a request that was killed."""
        return Tokens(
            max(self.input, 0),
            max(self.cached_input, 0),
            max(self.output, 0),
            max(self.reasoning, 0),
        )

    @property
    def total(self) -> int:
        """Input and output; cached input and reasoning are parts of these."""
        return self.input + self.output


NO_TOKENS = Tokens()


class Price(Struct, frozen=True):
    """What a model's tokens cost, per million."""

    input: float
    cached_input: float
    output: float

    def cost(self, tokens: Tokens) -> float:
        """The cost of these tokens."""
        fresh = tokens.input - tokens.cached_input
        each = (fresh, self.input), (tokens.cached_input, self.cached_input)
        return sum(n * price for n, price in (*each, (tokens.output, self.output))) / 1_000_000


class Spent(Struct, frozen=True):
    """Tokens and their cost; the cost is None as soon as a part of it is unknown."""

    tokens: Tokens = NO_TOKENS
    cost: float | None = 0.0

    def plus(self, tokens: Tokens | None, cost: float | None) -> "Spent":
        """The sum; without `tokens`, none were reported."""
        if tokens is None:
            return self
        total = None if self.cost is None or cost is None else self.cost + cost
        return Spent(self.tokens + tokens, total)
