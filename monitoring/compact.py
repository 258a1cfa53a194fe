"""Compact the log store: `python -m monitoring.compact`, implemented in `monitoring.upkeep.compaction`."""

import sys

from monitoring.upkeep.compaction import main

if __name__ == "__main__":
    sys.exit(main())
