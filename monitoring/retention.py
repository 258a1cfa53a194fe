"""Delete expired objects from the store: `python -m monitoring.retention`, implemented in
`monitoring.upkeep.retention`.
"""

import sys

from monitoring.upkeep.retention import main

if __name__ == "__main__":
    sys.exit(main())
