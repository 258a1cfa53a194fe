"""PII redaction: replace personal data by typed marks before storage."""

from chatbot.privacy.redaction import MARKS, redact

__all__ = ["MARKS", "redact"]
