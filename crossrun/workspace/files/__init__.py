"""Single files and folders, handled so that no link leads astray and nothing is half done."""
