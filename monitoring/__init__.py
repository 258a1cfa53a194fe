"""Monitor the service: inference log, handoff delivery, drift check, retention, erasure, dashboards and alerts.

What reads or writes the store raises StoreError if it does not respond; docstrings name further errors.
"""

import sys

from chatbot.interrupt import exit_on_interrupt

if sys.argv[:1] == ["-m"]:  # `python -m` is at this package's command, whose imports take seconds
    exit_on_interrupt()
