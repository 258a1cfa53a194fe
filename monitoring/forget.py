"""Erase a user's data on request: `python -m monitoring.forget`, implemented in `monitoring.upkeep.erasure`."""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from monitoring.upkeep.erasure import main

if __name__ == "__main__":
    sys.exit(main())
