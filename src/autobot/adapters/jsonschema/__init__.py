"""JSON Schema by the jsonschema-rs library."""
