"""From a suite file (TOML) to a frozen plan and to jobs (JSON)."""
