"""Describe the Grafana dashboards as YAML, and build their JSON."""
