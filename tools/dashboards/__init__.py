"""The Grafana dashboards as code, and the generator of their files."""
