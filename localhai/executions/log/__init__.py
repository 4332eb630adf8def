"""What a container writes: captured, kept in order, searched for metadata, followed."""
