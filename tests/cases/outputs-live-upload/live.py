import os
import time

path = "/valohai/outputs/checkpoints/last.txt"


def upload(text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    with open(path + ".metadata.json", "w") as file:
        file.write('{"valohai.tags": ["live"]}')
    os.chmod(path, 0o444)
    until = time.monotonic() + 20
    while os.path.exists(path) and time.monotonic() < until:
        time.sleep(0.05)
    print("gone" if not os.path.exists(path) else "still there")


upload("first")
upload("second")
open("/valohai/outputs/final.txt", "w").write("final")
