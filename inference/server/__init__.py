"""The engine behind an OpenAI-compatible HTTP address: `python -m inference.server --model PATH`.

__main__.py       command line, logging, signals
serving.py        the models this process serves, and whether they are ready
app.py            routes, errors, request limits
fields.py         reading a request's fields; chat_request.py and completion_request.py, typed requests
replies.py        a request on its way through the engine, streamed or whole
chat.py           /v1/chat/completions
completions.py    /v1/completions
encoders.py       /v1/embeddings and /v1/moderations
metrics.py        what Prometheus reads
"""
