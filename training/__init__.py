"""Train a bundle from a corpus: export, fit, calibrate, evaluate, track."""

import sys

from chatbot.interrupt import exit_on_interrupt

if sys.argv[:1] == ["-m"]:  # `python -m` is at this package's command, whose imports take seconds
    exit_on_interrupt()
