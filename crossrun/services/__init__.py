"""What every front end calls, without a command line, a terminal or signals."""
