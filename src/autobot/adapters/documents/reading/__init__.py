"""What runs in the reading process: one module a kind of file. The rest of AutoBot never imports it."""
