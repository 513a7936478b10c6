"""Models for tests: scripted ones, an Ollama stand-in, a tiny real model file and its server."""
