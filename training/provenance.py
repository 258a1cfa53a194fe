"""Find the code's commit, for bundles and runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from chatbot.settings import CodeSettings


def git_commit(root: Path) -> str:
    """Return the checked-out commit, with `-dirty` if tracked files differ.

    Outside a checkout: the commit the image was built from (CHATBOT_GIT_COMMIT), or empty.
    """
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return CodeSettings().git_commit
