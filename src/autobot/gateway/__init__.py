"""The edge: it translates between the wire and the published language, and never decides."""
