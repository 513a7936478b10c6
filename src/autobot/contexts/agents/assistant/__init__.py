"""The built-in assistant: honestly no language model. It answers about AutoBot from its guide, and runs commands."""
