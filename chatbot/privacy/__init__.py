"""PII redaction: replace personal data by typed marks before storage."""

from chatbot.privacy.redaction import MARKS, redact, redact_with_core, warm_up
