"""What crossrun speaks of, as plain frozen values: runs, requests, workflows, failures."""
