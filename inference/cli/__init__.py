"""The commands of `python -m inference` that run a model here, without a server: chat and bench."""
