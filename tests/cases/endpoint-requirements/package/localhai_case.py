# ruff: noqa - the code of a user in a container
WHERE = "into the image"
