"""The write side: decisions on dead letters and groups, and the replay of many."""
