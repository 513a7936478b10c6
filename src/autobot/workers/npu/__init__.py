"""Inference on the hardware that is there: embeddings, similarity, classes by prototypes, order by relevance."""
