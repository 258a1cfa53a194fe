"""Prepare a corpus for training: load, check, fill placeholders, group near-duplicates."""

from chatbot.interrupt import exit_on_interrupt_of_module

exit_on_interrupt_of_module()
