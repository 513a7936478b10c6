"""What the context reads and writes: the rows of the table, and the contracts of every version that took part."""
