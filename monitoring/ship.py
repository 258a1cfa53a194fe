"""Upload the inference log's upload queue to the store, once: `python -m monitoring.ship`, implemented in
`monitoring.inference_log.upload`; with `--sweep`, then erase from the CSV files what was erased in the store.
"""

import logging
import sys

from chatbot.errors import ChatbotError
from chatbot.settings import LogSettings, StorageSettings
from monitoring.inference_log.upload import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    if code == 0 and "--sweep" in sys.argv:
        # Imported late: an upload does not need it.
        from monitoring.upkeep.erasure import sweep

        try:
            sweep(LogSettings(), StorageSettings())
        except (ChatbotError, OSError) as error:
            logging.getLogger(__name__).warning(
                "erasures requested elsewhere are not applied here yet: %s", error
            )
    sys.exit(code)
