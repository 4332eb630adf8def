"""Nodes of pipelines that are more than an execution: here tasks, deployments and pipelines meet."""
