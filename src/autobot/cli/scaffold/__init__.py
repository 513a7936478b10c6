"""What `autobot new` writes: pure functions from names to the text of files, and the one place that writes."""
