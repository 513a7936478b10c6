"""Other programs' languages, spoken at the edge."""
