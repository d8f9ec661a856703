"""The engine behind an OpenAI-compatible HTTP address: `python -m inference.server --model PATH`.

__main__.py                   command line, logging, signals
serving.py                    the models this process serves, and whether they are ready
app.py, keys.py               routes and errors; who may call
bodies.py, fields.py          reading a request, within limits
sampling_fields.py            how replies are chosen and what they have to look like; tool_fields.py, offered functions
*_request.py                  chat, completion and response requests as typed values
generations.py, grammars.py   from these to what the engine is asked for
replies.py, frames.py         requests on their way through the engine; JSON and events as clients get them
chat.py                       /v1/chat/completions, with chat_answer.py and calls.py
completions.py                /v1/completions
responses.py                  /v1/responses, with response_json.py
tokens.py, models.py          /tokenize, /detokenize, /v1/models
encoders.py                   /v1/embeddings and /v1/moderations
metrics.py, logs.py           what Prometheus reads; log lines
"""
