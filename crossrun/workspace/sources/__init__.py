"""Copies the source of a run into its workspace: a folder, a git repository, or a URL.

`copies` is the entry point. `repositories` copies a `.git` without running git in it, `survey` asks
git about the files, `links` adjusts links, `filters` finds files that git would convert, and
`cloning` clones URLs.
"""
