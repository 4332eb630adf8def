"""The commands of deployments, a file for each."""
