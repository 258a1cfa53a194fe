"""Log handoffs and deliver them at-least-once to the store and to a webhook."""
