"""Tasks, that is sweeps (platform.md 8): which parameter sets an execution each is made of, and when to stop.

`rules`, `plan`, `variants`, `sets`, `sweep` and `comparison` decide: pure, without threads, files or Docker. `running`
acts.
"""
