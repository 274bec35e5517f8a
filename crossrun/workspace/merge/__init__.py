"""A change brought to files and branches of the user that may have changed since."""
