"""Messaging: dead letters that people work with, consumer groups with lag and age."""
