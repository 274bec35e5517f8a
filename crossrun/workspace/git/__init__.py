"""Git as a subprocess, and repositories read as files."""
