"""`python -m kadanoff`: the command line."""

import sys

from kadanoff.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
