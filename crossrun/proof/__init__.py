"""The proof sheet: what a run's ledger proves, what is only claimed, and what it contradicts.

Pure: everything is read from the events of the run and the patch of its change, by rules.
"""
