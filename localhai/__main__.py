"""`python -m localhai` is `localhai`."""

from localhai.cli.main import main

if __name__ == "__main__":
    main()
