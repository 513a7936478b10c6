"""The write side: commands on collections and documents."""
