"""Sagas as people see and steer them."""
