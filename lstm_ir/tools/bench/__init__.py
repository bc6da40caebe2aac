"""``lstm-ir bench``: compiled LSTMs side by side with the runtimes that are installed, every number checked."""
