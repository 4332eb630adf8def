"""What the operating system gives, once: files, locks, processes, text at the border."""
