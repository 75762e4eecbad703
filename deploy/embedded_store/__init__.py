"""The embedded store: chDB, ClickHouse in a wheel, behind ClickHouse's own HTTP interface.

A request walks `server` → `access` (who asks, may they) → `ask` (what is asked) → `insert` or
`query` → `engine`. Invariants: rows are never parsed here; a request has an engine connection of
its own, so its settings end with it; the engine, not this code, enforces what a reader may do,
but for the three holes named in `reader`.
Knows nothing of hits, tables or the consumer.
"""
