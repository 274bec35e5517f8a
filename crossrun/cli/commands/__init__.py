"""One module for each command, with the name of the command. `crossrun.cli.COMMANDS` lists them."""
