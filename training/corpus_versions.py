"""Push and pull corpus versions: `python -m training.corpus_versions` (`training.corpus.versions`)."""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from training.corpus.versions import main

if __name__ == "__main__":
    sys.exit(main())
