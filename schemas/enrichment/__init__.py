"""The rule tables of enrichment, and the SQL that they become."""
