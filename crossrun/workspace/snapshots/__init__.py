"""States of a workspace: recorded, read again and compared."""
