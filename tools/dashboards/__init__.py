"""The Grafana dashboards as YAML, and the generator of their JSON files."""
