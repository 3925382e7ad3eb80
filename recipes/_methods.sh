# The methods of both papers; sourced by _common.sh. A recipe calls `method` with the knobs
#
#   METHOD      a row of the table below
#   BASE        verl's estimator beneath: grpo, gae (PPO with a critic), rloo, ...
#   STD         std division of grpo
#   ALPHA       weight of what is added, in units of reward
#   EMBEDDER    of dqo, dqo_psi, pairwise, graph_cut, deviation (empty: all-MiniLM-L6-v2)
#   CLASSIFIER  of darling and darling_add: pair classifier, hub name or path (empty: cosine of the embedder)
#   PLACEMENT   of either model: cpu | shared | gpu | http (empty: cpu)
#   SHIFT       before a reward is multiplied: none | group_min | sigmoid (empty: none)
#   FLOOR       smallest factor of diversity (empty: 0)
#   GATE        only responses with a reward above it are compared (empty: all)
method() {
  local estimator=$BASE args=() d=+algorithm.diversity adds="" multiplies="" model=""
  case $METHOD in
    reward_only) ;;
    dqo) estimator=dqo adds=1 model=embedder ;;                                            # arXiv 2509.04784
    dqo_psi) args=(+reward_model.diversity=dpp_quality) adds=1 model=embedder ;;           # its reward-augmented kernel
    pairwise) args=(+reward_model.diversity=pairwise) adds=1 model=embedder ;;             # mean distance, its counter-example
    darling) estimator=darling multiplies=1 model=classifier ;;                            # arXiv 2509.02534
    darling_add) estimator=darling args=($d.combine=zscore_add) adds=1 model=classifier ;; # its additive ablation
    ngram) args=(+reward_model.diversity=ngram) multiplies=1 ;;                            # its lexical ablation
    likelihood) args=(+reward_model.diversity=likelihood) multiplies=1 ;;                  # unlikeliness reward, arXiv 2506.02355
    entropy) args=(+reward_model.diversity=surprisal) adds=1 ;;                            # on correct responses, arXiv 2505.23433
    graph_cut) args=(+reward_model.diversity=graph_cut) multiplies=1 model=embedder ;;     # DRA-GRPO, arXiv 2505.09655
    deviation) args=(+reward_model.diversity=deviation) multiplies=1 model=embedder ;;     # creative writing, arXiv 2503.17126
    *) echo "METHOD=$METHOD is not in recipes/_methods.sh" >&2 && exit 1 ;;
  esac
  case $estimator in dqo | darling) [ "$BASE" = grpo ] || args+=($d.base="$BASE") ;; esac
  [ -n "$adds" ] || [ -z "${ALPHA:-}" ] || { echo "ALPHA weighs what is added to the reward; METHOD=$METHOD adds nothing" >&2; exit 1; }
  [ -z "$adds" ] || args+=(${ALPHA:+$d.alpha="$ALPHA"})
  [ -z "$multiplies" ] || args+=(${SHIFT:+$d.quality_shift="$SHIFT"} ${FLOOR:+$d.floor="$FLOOR"})
  [ "$METHOD" = reward_only ] || args+=(${GATE:+$d.gate="$GATE"})
  [ -z "$model" ] || [ -z "${PLACEMENT:-}" ] || args+=($d.placement="$PLACEMENT") TINY+=($d.placement=cpu)
  # without a GPU, a model that is a folder stays, and a name on the hub becomes a small stand-in
  if [ "$model" = embedder ] && [ -n "${EMBEDDER:-}" ]; then
    [ -d "$EMBEDDER" ] && EMBEDDER=$(realpath "$EMBEDDER") || TINY+=($d.embedder=sentence-transformers/all-MiniLM-L6-v2)
    args+=($d.embedder="$EMBEDDER")
  elif [ "$model" = classifier ] && [ -n "${CLASSIFIER:-}" ]; then
    NEEDS_JUDGES=1
    [ -d "$CLASSIFIER" ] && CLASSIFIER=$(realpath "$CLASSIFIER") || TINY+=($d.classifier="$CACHE/tiny/classifier")
    args+=($d.classifier="$CLASSIFIER")
  fi
  ARGS+=(algorithm.adv_estimator="$estimator" algorithm.norm_adv_by_std_in_grpo="$STD" "${args[@]}")
}
