"""The gate's report: page and files."""
