"""What people see. Events become phrases, phrases become lines of a terminal."""
