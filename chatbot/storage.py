"""Command-line tool for the object store.

python -m chatbot.storage make-bucket       creates the bucket (or the folder) of CHATBOT_STORE_URL
python -m chatbot.storage list [PREFIX]     lists objects: size, time, key
python -m chatbot.storage check             preflight check: writes, reads, lists and deletes a small object
"""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from chatbot.store.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
