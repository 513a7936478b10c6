"""A worker for inference, over its row of the matrix."""
