"""The schemas context: the registry of types of messages, and the way in for messages from outside."""
