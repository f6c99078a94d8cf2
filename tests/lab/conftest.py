"""The scenarios run inside the guest only; a pytest on the host doesn't collect them."""

from pathlib import Path

collect_ignore = [] if Path("/lab/results/job.json").exists() else ["scenarios"]
