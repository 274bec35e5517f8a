"""Importing: the files of a skill, and the dangers in them. Pure."""
