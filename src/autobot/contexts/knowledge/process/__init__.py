"""What works in the background: reading and indexing documents, looking after watched folders."""
