import json
import sys
import time

most = float(sys.argv[1]) if sys.argv[1:] else 0.95
for accuracy in (0.5, 0.7, 0.95):
    if accuracy > most:
        break
    print(json.dumps({"accuracy": accuracy, "val-accuracy": accuracy, "failed": False}), flush=True)
open("/valohai/outputs/model.txt", "w").write("model")
if not sys.argv[1:]:
    time.sleep(60)
print("never")
