"""Command-line tool for the DVC remote: `python -m training.dvc_remote` (`training.corpus.dvc`)."""

import sys

from training.corpus.dvc import main

if __name__ == "__main__":
    sys.exit(main())
