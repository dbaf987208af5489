"""`python -m bugcheck` → the command line."""

from bugcheck.cli.main import main

raise SystemExit(main())
