"""System: links and their policies, the log, health, diagnostics."""
