"""Connect the HTTP workers to the runner: client over a Unix socket, codec, endpoint."""
