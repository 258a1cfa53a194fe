"""What the bot did: the inference log, the drift report, dashboards and alerts."""
