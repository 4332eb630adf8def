"""The command line: one file per command, named as in `vh`. Every module here loads only when its command is called."""
