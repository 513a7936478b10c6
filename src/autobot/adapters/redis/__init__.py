"""Redis or Valkey: carries events to consumer groups and passing frames to listeners. It is never the truth."""
