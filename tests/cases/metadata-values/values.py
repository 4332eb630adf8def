import json

for epoch in range(3):
    print(json.dumps({"epoch": epoch, "loss": 1 / (epoch + 1), "lr": 1e-05}))
print(json.dumps({"confusion": [[1, 2], [3, 4]], "nested": {"a": {"b": [True, None]}}, "name": "ärger 数据 🚀"}))
print(json.dumps({"done": True, "nothing": None, "empty": "", "big": 2**70, "dotted.key": 1, "epoch": 7}))
print('{"twice": 1, "twice": 2}')
