"""Generators of docs, Compose settings and rendered manifests."""
