"""`python -m tamscore`: the command line."""

from __future__ import annotations

from tamscore.cli import main

if __name__ == "__main__":
    main()
