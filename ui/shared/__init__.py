"""Provide what both pages use: escaping, start-up."""
