"""`python -m localhai.cli`."""

from localhai.cli.main import main

main()
