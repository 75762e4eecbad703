"""`python -m deploy` is the `heliograph` command."""

import sys

from deploy.cli import main

sys.exit(main())
