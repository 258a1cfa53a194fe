"""Generate docs, Compose settings and rendered manifests."""
