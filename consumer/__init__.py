"""The consumer: moves hits into ClickHouse, each once, and the migrations its tables need.

Imports schemas only.
"""
