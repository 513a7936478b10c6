"""A worker for inference without a model, for tests of what stands before it."""
