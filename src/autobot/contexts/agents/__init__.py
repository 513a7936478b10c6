"""Agents: the orchestrator, the chat agent's loop, the model facade and the built-in assistant."""
