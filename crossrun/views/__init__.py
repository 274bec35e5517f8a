"""What people see: events become phrases, and phrases become lines on a terminal."""
