"""The machine itself: time, chance, and the lock of the data folder."""
