"""Serve HTTP: the fast path, the FastAPI app, schemas, limits, metrics, connection draining."""
