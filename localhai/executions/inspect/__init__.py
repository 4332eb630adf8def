"""Looking at what ran: differences, lineage, executions side by side."""
