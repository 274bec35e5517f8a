"""What workspaces and all that belongs to them take on the disk, and their removal."""
