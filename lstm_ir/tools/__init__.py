"""The command ``lstm-ir``: compile, run, verify, inspect, opt, targets. One file a command."""
