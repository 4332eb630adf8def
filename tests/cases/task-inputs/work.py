import json

parameters = json.load(open("/valohai/config/parameters.json"))
with open("/valohai/inputs/rows/own.csv") as rows:
    print(json.dumps({**parameters, "read": rows.read().strip()}))
