"""What can be wrong with a valohai.yaml beyond its YAML: one file per noun, each a function that reports findings."""
