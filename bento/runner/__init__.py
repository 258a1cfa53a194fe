"""The runner's interface: client over a Unix socket and codec."""
