"""``python -m distgnn.cli``, for where the command `distgnn` is not on the path."""

import sys

from distgnn.cli.commands import main

sys.exit(main())
