"""From a suite to jobs: TOML, a frozen plan, and jobs as JSON."""
