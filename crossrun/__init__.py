"""crossrun: run coding agents with a ledger that tells the truth."""

__version__ = "0.1.0"
