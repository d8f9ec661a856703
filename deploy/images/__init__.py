"""The two images of docker-compose.yml: what they are made of and how they are probed."""
