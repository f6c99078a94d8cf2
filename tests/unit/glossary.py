"""The tables of docs/glossary.md."""

from pathlib import Path

GLOSSARY = Path(__file__).parents[2] / "docs/glossary.md"


def rows(heading):
    """Return the rows of the table below ``heading`` of the glossary, each as its cells."""
    below = GLOSSARY.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
