"""Monitor the service: inference log, handoff delivery, drift check, retention, erasure, dashboards and alerts.

What reads or writes the store raises StoreError if it does not respond; docstrings name further errors.
"""

from chatbot.interrupt import exit_on_interrupt_of_module

exit_on_interrupt_of_module()
