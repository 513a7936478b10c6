"""Published language of the knowledge context: collections, documents, and what is found in them."""
