"""Prepare a corpus for training: load, check, fill placeholders, group near-duplicates."""

import sys

from chatbot.interrupt import exit_on_interrupt

if sys.argv[:1] == ["-m"]:  # `python -m` is at this package's command, whose imports take seconds
    exit_on_interrupt()
