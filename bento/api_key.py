"""Make an API key.

python -m bento.api_key NAME [--scopes chat,feedback,read] >> api-keys

Prints the key's line for CHATBOT_API_KEYS_FILE (name, scopes, SHA-256) to standard output, and the key, which is stored
nowhere, to standard error. The running service reads the file again by itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bento.http import api_keys
from chatbot.errors import SettingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if the name or a scope is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m bento.api_key",
        description="Print a new key's line for CHATBOT_API_KEYS_FILE to standard output, the key to standard error.",
    )
    parser.add_argument("name", help="name of the client, such as page")
    parser.add_argument(
        "--scopes",
        default=",".join(api_keys.SCOPES),
        help="what the client may call, comma-separated: chat, feedback, read (/version, /intents, /metrics)",
    )
    options = parser.parse_args(arguments)
    try:
        key, entry = api_keys.make_key(options.name, options.scopes.split(","))
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{entry}\n")
    sys.stderr.write(f"{key}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
