"""Asking a model: requests by name, a client for OpenAI-compatible servers, and vLLM for the length of a block."""
