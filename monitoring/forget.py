"""Erase a user's data on request: `python -m monitoring.forget`, implemented in `monitoring.upkeep.erasure`."""

import sys

from monitoring.upkeep.erasure import main

if __name__ == "__main__":
    sys.exit(main())
