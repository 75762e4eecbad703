"""`heliograph audiences`: people to speak to again, by what they did; only who consented."""
