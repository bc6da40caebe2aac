"""The frameworks that models come from, asked for what their own model gives; each in a process of its own."""
