"""Exit on Ctrl-C with one line: `chatbot.interrupt`, under the name that the commands of `training` import."""

from chatbot.interrupt import EXIT_CODE, exit_on_interrupt

__all__ = ["EXIT_CODE", "exit_on_interrupt"]
