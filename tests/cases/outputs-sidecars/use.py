import json

inputs = json.load(open("/valohai/config/inputs.json"))
for name in ("model", "more"):
    for file in inputs[name]["files"]:
        print(file["name"], file["uri"], sorted(file))
        print(json.dumps(file["metadata"], sort_keys=True))
