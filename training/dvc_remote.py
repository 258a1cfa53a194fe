"""Command-line tool for the DVC remote: `python -m training.dvc_remote` (`training.corpus.dvc`)."""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from training.corpus.dvc import main

if __name__ == "__main__":
    sys.exit(main())
