"""Compact the log store: `python -m monitoring.compact`, implemented in `monitoring.upkeep.compaction`."""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from monitoring.upkeep.compaction import main

if __name__ == "__main__":
    sys.exit(main())
