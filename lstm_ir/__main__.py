"""``python -m lstm_ir``: the command lstm-ir, where its script is not on the path."""

import sys

from lstm_ir.tools.main import main

if __name__ == "__main__":
    sys.exit(main())
