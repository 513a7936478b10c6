"""Secrets of the installation: encryption under its key file, and unguessable tokens."""
