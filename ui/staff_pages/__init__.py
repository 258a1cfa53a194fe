"""Build the staff pages: login, review, handoffs, drift, versions."""
