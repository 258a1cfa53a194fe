"""The Grafana dashboards as code, and the files made of it."""
