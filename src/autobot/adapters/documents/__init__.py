"""Reading files of people, in a process of its own that may do little else."""
