"""Report on a corpus's labels: terminal, CSV, HTML."""
