"""Programs of ours that run as a child process: started when first needed, watched, started again after a pause."""
