"""Running Cria: on one machine with `make run` (local/), or in containers (../docker-compose.yml, Dockerfile)."""
