"""REST: one router per context. They translate and never decide."""
