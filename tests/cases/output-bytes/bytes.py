import json
import sys

out = sys.stdout.buffer
out.write(b"\xff\xfe is not UTF-8\n")
out.write(b"1 %\r50 %\r100 %\n")
out.write(json.dumps({"long": "x" * 300_000}).encode() + b"\n")
out.write("ääkköset 数据\n".encode())
out.write(b"\n")
