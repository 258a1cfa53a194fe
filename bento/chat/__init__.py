"""Answer a message: the handler, request batching, conversations."""
