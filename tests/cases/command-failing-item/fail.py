import sys

print("two")
sys.exit(3)
