"""`python -m data.check CORPUS`: find label errors before training (`training.check`)."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as `python data/check.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from training.check import main

    main(prog_name="python -m data.check")
