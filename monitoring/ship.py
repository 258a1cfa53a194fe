"""Upload the inference log's upload queue to the store, once: `python -m monitoring.ship`, implemented in
`monitoring.inference_log.upload`.
"""

import sys

from monitoring.inference_log.upload import main

if __name__ == "__main__":
    sys.exit(main())
