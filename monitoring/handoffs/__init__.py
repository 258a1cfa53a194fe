"""Handoffs: their log and at-least-once delivery to the store and to a webhook."""
