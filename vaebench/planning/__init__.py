"""Planning: a suite file (TOML) becomes an immutable plan, and the plan becomes jobs (JSON)."""
