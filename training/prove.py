"""Run the preflight check of a bundle: real messages through encoder, classifier and router.

python -m training.prove FOLDER       exit code 0 on success, else 1 and one line with the reason
"""

from __future__ import annotations

import sys
from pathlib import Path

from chatbot.errors import ChatbotError
from training.rollout.smoke_test import answer_all


def main() -> int:
    """Check the bundle named by the only argument; return the exit code."""
    if sys.argv[1:] in (["--help"], ["-h"]):
        sys.stdout.write(f"{__doc__}\n")
        return 0
    try:
        answered = answer_all(Path(sys.argv[1]))
    except (ChatbotError, IndexError) as error:
        sys.stderr.write(f"{error}\n" if isinstance(error, ChatbotError) else f"{__doc__}\n")
        return 1
    sys.stdout.write(f"{answered} messages answered\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
