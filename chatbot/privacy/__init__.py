"""PII redaction: replace personal data by typed marks before storage."""

from chatbot.privacy.redaction import MARKS, redact, redact_with_core

__all__ = ["MARKS", "redact", "redact_with_core"]
