"""The command line, in the words of `vh`: a file for each noun, a folder for each large one. It loads when called."""
