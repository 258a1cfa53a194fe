"""Take screenshots of running pages, for the docs."""
