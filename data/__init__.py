"""From any file of messages to a corpus that training reads: loading, checking, filling, splitting."""
