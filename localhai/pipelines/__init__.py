"""Pipelines: nodes, edges, actions, on-error, approval, resume. All but `running` and `recovery` is pure."""
