"""`heliograph person`: what is stored of a person: show it, hand it over, erase it."""
