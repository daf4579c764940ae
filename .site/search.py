"""Search for Chinese: every two neighbours of a row of Chinese characters are a word.

Chinese has no spaces between words. Cut in pairs, in the index and in the query alike, whatever
somebody looks for is found, be it in a dictionary or not.
"""

import re
from pathlib import Path

from sphinx.search.en import SearchEnglish

_HAN = "\u3400-\u9fff"
_RUNS = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+")


class SearchChinese(SearchEnglish):
    """Pairs of Chinese characters; Latin words as in English."""

    lang = "zh"
    # The same cut, for the query.
    js_splitter_code = Path(__file__).with_name("search.js").read_text(encoding="utf-8")

    def split(self, input: str) -> list[str]:  # noqa: A002  Sphinx calls it so.
        """Return the Latin words of a text, its Chinese characters, and each two neighbours."""
        words = []
        for run in _RUNS.findall(input):
            if re.match(f"[{_HAN}]", run):
                words += [*run, *map("".join, zip(run, run[1:], strict=False))]
            else:
                words.append(run)
        return words
