import json
import os

known = json.load(open("/valohai/config/execution.json"))
for name in ("pipeline-id", "pipeline-node-id", "task-id"):
    variable = os.environ.get("VH_" + name.upper().replace("-", "_"))
    print(name, variable is not None, variable == known.get("valohai." + name))
for name in ("pipeline-counter", "pipeline-title", "pipeline-tags", "task-counter"):
    print(name, known.get("valohai." + name))
