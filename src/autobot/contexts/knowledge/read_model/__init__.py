"""The read side: collections, documents, and what is found."""
