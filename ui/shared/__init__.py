"""Provide what both pages use: server with limits, start-up, templates, assets."""
