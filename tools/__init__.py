"""What `make` runs: small scripts on the standard library alone, so that a fresh clone needs Python and make only."""
