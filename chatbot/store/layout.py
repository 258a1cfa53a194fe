"""Layout of the object store: every key and every key prefix. What is stored under a key stays readable there."""

from __future__ import annotations

import re
from datetime import date

LOG = "log/"
"""Records as Parquet parts: `log/day=YYYY-MM-DD/<part>.parquet`."""
FEEDBACK = "feedback/"
"""Feedback as Parquet parts, by day like the records."""
HANDOFFS = "handoffs/"
"""Handoffs by day: `handoffs/day=YYYY-MM-DD/<prediction id>.json`."""
CONTACTS = "contacts/"
"""Contact data of handoffs, by day like them; personal data with a retention of its own."""
REVIEWS = "reviews/"
"""Reviewers' decisions: `reviews/<item id>.json`; below it, their new intents and the work on handoffs."""
NEW_INTENTS = "reviews/intents/"
HANDOFF_WORK = "reviews/handoffs/"
LABEL_DECISIONS = "reviews/labels/"
"""Decisions on labels of the corpus: `reviews/labels/<row hash>.json`."""
DECLARED = "reviews/declared/declared.yaml"
"""The declared changes of intents and target (`data.declarations`)."""
TOMBSTONES = "forgotten/"
"""Erased ids: `forgotten/<id>.json`."""
BUNDLES = "bundles/"
"""`bundles/<digest>/<file>`."""
BASELINES = "baselines/"
REPORTS = "reports/"
STAFF_SESSION_KEY = "staff/session-key"
STAFF_SESSIONS = "staff/sessions/"
STORE_CHECK = "check/"
DRIFT_REPORTS = "reports/drift/"
DRIFT_VERDICT = "reports/drift/latest.json"
DRIFT_SUMMARIES = "reports/drift/shards/"
"""Counts of a sharded drift check: `reports/drift/shards/<run>/<index>of<count>.parquet`; deleted after a day."""
GATE_REPORTS = "reports/gate/"
ERASURE_LEASE = "reports/erasure-lease.json"
"""Held by an erasure while it rewrites copies, and by a retraining while it publishes a version."""
LABEL_FINDINGS = "reports/labels/latest.json"
"""What the latest label check found: the suspects that the staff pages show."""
MEMORY = "memory/"
RETRAIN_HISTORY = "memory/retrain.json"
RETRAIN_LEASE = "memory/retrain-lease.json"
"""Held by a retraining."""
RETRAIN_REQUEST_LEASE = "memory/retrain-if-needed-lease.json"
"""Held by `monitoring.retrain_if_needed`, whose command holds the other lease."""
DESIRED_MODEL = "serving.json"
CORPORA = "corpora/"
"""Corpora that an operator puts there for the first version: `corpora/<file>`."""
DVC = "dvc"
"""Root of DVC's remote: corpus versions."""
DVC_FILES = "dvc/files/md5/"
MLFLOW = "mlflow"
"""Root of MLflow's artifacts."""

_DAY = re.compile(r"day=(\d{4}-\d\d-\d\d)/")


def of_day(prefix: str, day: date) -> str:
    """Return the prefix of one day below LOG, FEEDBACK, HANDOFFS or CONTACTS."""
    return f"{prefix}day={day.isoformat()}/"


def day_of(key: str) -> date | None:
    """Return the day in a key; None: the key has none."""
    match = _DAY.search(key)
    return date.fromisoformat(match[1]) if match else None


def part(prefix: str, day: date, name: str) -> str:
    """Return the key of a Parquet part below LOG or FEEDBACK."""
    return f"{of_day(prefix, day)}{name}.parquet"


def bundle_file(digest: str, name: str) -> str:
    """Return the key of a bundle's file."""
    return f"{BUNDLES}{digest}/{name}"


def baseline(name: str) -> str:
    """Return the key of a frozen baseline; `name` is the bundle's digest, or the version's name without one."""
    return f"{BASELINES}{name}.parquet"


def drift_summary(run: str, name: str) -> str:
    """Return the key of a file of a sharded drift check; `run` names the check, the same in all shards."""
    return f"{DRIFT_SUMMARIES}{run}/{name}"


def gate_report(digest: str, name: str) -> str:
    """Return the key of a file of the gate's report on a challenger."""
    return f"{GATE_REPORTS}{digest}/{name}"


def document(prefix: str, some_id: str) -> str:
    """Return the key of the JSON document of an id below TOMBSTONES, REVIEWS, NEW_INTENTS or HANDOFF_WORK."""
    return f"{prefix}{some_id}.json"


def corpus_file(md5: str) -> str:
    """Return DVC's key of a file, or of a folder's list of files (`<md5>.dir`)."""
    return f"{DVC_FILES}{md5[:2]}/{md5[2:]}"
