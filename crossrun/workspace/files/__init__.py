"""Primitives for single files and folders.

Nothing here follows a symbolic link below an open folder, and nothing is left half done. `dirfd`
opens folders name by name, `atomic` builds and removes whole trees, `guarded` deletes below
crossrun's own folders only, `copy_file` copies contents, and `attributes` copies everything else.
"""
