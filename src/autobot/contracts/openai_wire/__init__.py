"""The OpenAI dialect on the wire, pure: event-stream decoding, request bodies, answers, errors, lists.

Spoken outward by the adapters of compatible servers and of llama.cpp. JSON text is read and written by
callers, who have faster tools than the standard library; nothing here does I/O.
"""
