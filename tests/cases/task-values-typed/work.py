import json
import sys

parameters = json.load(open("/valohai/config/parameters.json"))
print(json.dumps(parameters))
sys.exit(parameters["code"])
