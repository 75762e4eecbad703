"""Grafana's dashboards and Prometheus' alerts as code; `make dashboards` writes what is committed.

A dashboard reads the views of docs/reports.md, so that every screen shows the same numbers, and the
metrics of schemas/metric_table.py. Needs grafana-foundation-sdk, which only developers install;
nothing of Heliograph imports this folder.
"""
