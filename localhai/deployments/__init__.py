"""Deployments: versions made of code and files, built as images and served on this machine (platform.md 9)."""
