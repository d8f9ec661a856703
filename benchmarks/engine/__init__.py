"""Our engine against others, interleaved in one run on the same weights: `make bench-engine`.

__main__.py       what is measured, in which order; the table
contender.py      one engine in a process of its own, asked over pipes
peers.py          virtual environments of the others
hf_folder.py      the same weights for those that read no GGUF
ours.py, llama_cpp_peer.py, vllm_peer.py, transformers_peer.py   what runs in those processes
"""
