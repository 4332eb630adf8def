import json
from pathlib import Path

outputs = Path("/valohai/outputs")
(outputs / "model.pkl").write_text("model")
(outputs / "model.pkl.metadata.json").write_text(
    json.dumps(
        {
            "valohai.tags": ["prod", "eur"],
            "valohai.alias": "case-sidecars-model",
            "accuracy": 0.9,
            "nested": {"list": [1, {"a": None}]},
        }
    )
)
(outputs / "sub").mkdir()
(outputs / "sub" / "table.csv").write_text("1,2")
(outputs / "plain.txt").write_text("plain")
(outputs / "lonely.metadata.json").write_text("{}")
lines = [
    {"file": "sub/table.csv", "metadata": {"valohai.tags": ["table"], "rows": 1}},
    {"file": "model.pkl", "metadata": {"accuracy": 0.1, "from": "jsonl"}},
]
(outputs / "valohai.metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
