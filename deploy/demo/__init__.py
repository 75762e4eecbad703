"""`heliograph demo`: a synthetic month of three sites, for trying reports and measuring."""
