"""`localhai project`: what a folder is remembered as."""
