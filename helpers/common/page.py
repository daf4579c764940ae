"""Pictures as HTML: an image with its alt text, behind a first line that gives nothing away."""

import base64
import html

from helpers.common.sentences import say


def image(data: bytes, kind: str, alt: str, style: str = "max-width: 700px; width: 100%") -> str:
    """Return an HTML image that holds its own data; `kind` is ``png`` or ``svg+xml``."""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="{style}">'


def covered(page: str) -> str:
    """Put a harmless line before HTML: JupyterLab shows the first line of a folded output."""
    return f"<!-- {say('Run this cell to see what it shows.')} -->\n{page}"
