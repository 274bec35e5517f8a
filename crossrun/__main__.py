"""`python -m crossrun` is the `crossrun` command."""

from crossrun.cli import main

if __name__ == "__main__":
    main()
