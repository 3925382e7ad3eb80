import sys; sys.path.append("/tmp/loggers")
import os
os.environ["MLFLOW_TRACKING_URI"]="file:///tmp/proto/mlruns"; os.environ["MLFLOW_ALLOW_FILE_STORE"]="true"
from verl.utils.tracking import Tracking, ValidationGenerationsLogger
t = Tracking("p", "e", ["mlflow"], {"a": 1})
t.log({"diversity/score/mean": 0.5, "val-core/openai/gsm8k/acc/pass@4": 0.3, "val-core/openai/gsm8k/acc/distinct_correct@4": 2.0}, 1)
ValidationGenerationsLogger("p","e").log(["mlflow"], [("q", "[answer 1 of 2 distinct] a", 1.0)], 1)
t.finish()
