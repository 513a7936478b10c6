"""Ollama's native API (docs.ollama.com/api): chat, tags, show, embed, version."""
