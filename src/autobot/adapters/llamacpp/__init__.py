"""A GGUF file served by llama.cpp in a child process of ours, reached over a private unix socket."""
