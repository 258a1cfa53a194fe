"""Upload the inference log's upload queue to the store, once: `python -m monitoring.ship`, implemented in
`monitoring.inference_log.upload`; then erase from the CSV files what was erased in the store.
"""

import logging
import sys

from chatbot.errors import ChatbotError
from chatbot.settings import LogSettings, StorageSettings
from monitoring.inference_log.upload import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    if code == 0 and len(sys.argv) == 1:  # a service that shuts down passes arguments, and has no time
        # Imported late: it takes as long as all else, and an upload that failed or a shutdown does not need it.
        from monitoring.upkeep.local_files import sweep

        try:
            sweep(LogSettings(), StorageSettings())
        except (ChatbotError, OSError) as error:
            logging.getLogger(__name__).warning(
                "erasures requested elsewhere are not applied here yet: %s", error
            )
    sys.exit(code)
