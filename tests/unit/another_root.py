"""Files of a machine, below another root folder."""


def put(root, files):
    """Write FILES below ROOT; a text that begins with #! is a program."""
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)
    return root
