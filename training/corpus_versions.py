"""Push and pull corpus versions: `python -m training.corpus_versions` (`training.corpus.versions`)."""

import sys

from training.corpus.versions import main

if __name__ == "__main__":
    sys.exit(main())
