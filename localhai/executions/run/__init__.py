"""The life of one execution: recorded, prepared, watched, finalized; after a crash, recovered (map.md)."""
