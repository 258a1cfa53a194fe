"""The staff pages: login, review, handoffs, drift, versions."""
