"""Deployments: versions made of code and files, built as images and served on this machine (reference 9)."""
