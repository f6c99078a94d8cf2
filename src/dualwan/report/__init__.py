"""Reports: plan and status as text, as JSON, and as metrics."""
