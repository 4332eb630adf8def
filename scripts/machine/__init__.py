"""What `make` needs of a machine before localhai can be installed: plain Python, standard library only."""
