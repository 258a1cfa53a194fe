"""Train a bundle from a corpus: export, fit, calibrate, evaluate, track."""

from chatbot.interrupt import exit_on_interrupt_of_module

exit_on_interrupt_of_module()
