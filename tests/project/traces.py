"""What people and machines leave in files without meaning to: paths, secrets, addresses."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The bytes of a picture as text: they hold nothing to read, and every short word by chance.
_PICTURE = re.compile(r"[A-Za-z0-9+/=]{200,}")

TRACES = {
    "a path of a machine": re.compile(
        r"(?<![\w.])/(?:work|root|home|Users|tmp|content|kaggle)/[A-Za-z]"
        r"|(?<![\w.])/(?:private/)?var/folders/"
        r"|\b[A-Za-z]:(?:\\+|/)(?:Users|Documents and Settings)(?:\\+|/)\w"
        r"|\bfile:///\w"
    ),
    "a token of GitHub or GitLab": re.compile(
        r"\b(?:gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})"
    ),
    "a token of Hugging Face": re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    "a key of a cloud": re.compile(r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35})\b"),
    "a key of an interface": re.compile(
        r"\b(?:sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|pypi-[\w-]{50,})"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."),
    "a token of Jupyter": re.compile(r"\btoken=[0-9a-f]{32,}"),
    "a password in an address": re.compile(r"://[^\s/:@\"'{}]+:[^\s/:@\"'{}]+@\w"),
    "an e-mail address": re.compile(r"\b[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}\b"),
}


def traces(text: str) -> list[str]:
    """Return what a text gives away, each with its kind; of a secret no more than the beginning."""
    plain = _PICTURE.sub("", text)
    found = {kind: pattern.search(plain) for kind, pattern in TRACES.items()}
    return [f"{kind}, {match[0][:12]!r}" for kind, match in found.items() if match]


def tracked_files(*options: str) -> list[Path]:
    """Return the committed files; skip the test where there is no Git."""
    command = ["git", "ls-files", "-z", *options]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        pytest.skip("Git is not installed")
    if listed.returncode:
        pytest.skip("not a Git checkout")
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in found if file.exists()]  # Not what is deleted, and not yet committed.
