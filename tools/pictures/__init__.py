"""Screenshots for the docs, taken from running pages."""
