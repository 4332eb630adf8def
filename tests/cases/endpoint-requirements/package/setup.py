from setuptools import setup

setup(name="localhai-case", version="1", py_modules=["localhai_case"])
