"""Writing to a folder of the user's: carries out merge plans without following links.

`preflight` checks that a plan can be carried out, and `execution` carries it out in a
`TargetFolder`. Files keep their owners, modes and hard links; `metadata_backup` saves what an undo
needs to restore them.
"""
