"""`python -m localhai.cli`: as `python -m localhai`."""

from localhai.__main__ import main

main()
