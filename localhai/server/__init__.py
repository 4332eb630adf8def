"""The Valohai REST API over the engine: routes, shapes, tokens. It translates; the rooms below decide."""
