"""What commands show of plan, status, trial and diagnosis: text, JSON, metrics. Pure."""
