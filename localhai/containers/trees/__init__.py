"""The /valohai tree of a container, by bind mounts or by volumes."""
