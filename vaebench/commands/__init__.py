"""What the commands do, one module each; `vaebench.cli` only declares their options."""
