"""Grafana's dashboards as code: a module each, and what they are generated to in json/."""
