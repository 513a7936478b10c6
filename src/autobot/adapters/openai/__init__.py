"""Any server that speaks the OpenAI dialect: OpenAI, vLLM, LM Studio, llama.cpp's server, OpenRouter …"""
