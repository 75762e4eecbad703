"""`heliograph import`: hits of an old pixel's access logs, each line once."""
