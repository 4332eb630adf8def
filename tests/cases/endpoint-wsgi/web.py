"""Two WSGI applications: the one that is found by itself, and one that is named."""


def application(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"by itself"]


def named(environ, start):
    start("418 I'm a teapot", [("Content-Type", "text/plain")])
    return [environ["QUERY_STRING"].encode()]
