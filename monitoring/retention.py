"""Delete expired objects from the store: `python -m monitoring.retention`, implemented in
`monitoring.upkeep.retention`.
"""

import sys

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from monitoring.upkeep.retention import main

if __name__ == "__main__":
    sys.exit(main())
