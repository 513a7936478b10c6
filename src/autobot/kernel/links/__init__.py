"""Links: the communication matrix made executable. No call leaves the process except through one."""
