"""What strangers hand over: the files of a skill, and what is dangerous in them. Pure."""
