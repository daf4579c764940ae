"""The words of our own on the pages, in both languages, and where each language's pages lie."""

from dataclasses import dataclass

# What it is, in English, in Chinese.
_TABLE = {
    # For Sphinx, and for the form of what is read: first tables, tables of terms, READMEs.
    "locale": ("en", "zh_CN"),
    "minutes": (
        r"\*\*Minutes\*\* \| (\d+) for the text, (\d+) for the exercises,? (.*?) \|",
        r"\*\*用时\*\* \| 正文 (\d+) 分钟，练习 (\d+) 分钟，(.*?) \|",
    ),
    "terms": ("## Terms", "## 术语"),
    "symbols": ("## Symbols", "## 符号"),
    "sentence": (r"^(\*\*PyTorch in notebooks.*?)\n\n", r"^## 中文\n\n(.+?。)"),
    "skills in": ("README.md", "notebooks/zh/README.md"),
    "skill": (
        r"^\| \[[^\]]+\]\(notebooks/(\w+)\.ipynb\) \| (.+) \|$",
        r"^\| \[[^\]]+\]\((\w+)\.ipynb\) \| [^|]+ \| (.+) \|$",
    ),
    # The head of every page. The English description is that of the package.
    "description": (
        "",
        "用 PyTorch 笔记本学深度学习，每句话都有代码作证：从计算图到 FashionMNIST。",
    ),
    "shown": (
        "A loss surface, with a fan of directions that leave one of its points",
        "一个损失曲面：二十四个方向从其中一点向四周散开",
    ),
    "copyright": ("its authors, under the MIT License", "本项目作者，采用 MIT 许可证"),
    # A notebook on its page.
    "time": ("{minutes} minutes, {parts}", "{minutes} 分钟，{parts}"),
    "show": ("Show the result", "显示结果"),
    "hide": ("Hide the result", "隐藏结果"),
    "ways": ("Ways to run this notebook", "运行本篇的几种方式"),
    "launch": ("Launch on Binder", "在 Binder 上运行"),
    "open": ("Open in Colab", "在 Colab 中打开"),
    "download": ("Download the notebook", "下载笔记本"),
    "elsewhere": ("In Colab or Kaggle", "在 Colab 或 Kaggle 里"),
    "first": (
        "Put this in a first cell, and run it before all others:",
        "把下面的内容放进最前面的单元格，先于其他单元格运行：",
    ),
    "run it": (
        "To have it checked, run it {binder}, {colab}, or {copy}.",
        "想让程序检查你的答案，就{binder}运行，{colab}运行，或者{copy}。",
    ),
    "run it: binder": ("on Binder", "在 Binder 上"),
    "run it: colab": ("in Colab", "在 Colab 里"),
    "run it: copy": ("download it", "下载到自己的电脑上"),
    # The search.
    "search": ("Search", "搜索"),
    "searched": ("Prose, code and terms of all pages.", "正文、代码和术语，所有页面一起搜索。"),
}
# What the theme says: where Sphinx has no Chinese for it, or nobody has put it in a catalogue.
_OF_THE_THEME = {
    ">Skip to content<": ">跳到正文<",
    ">Back to top<": ">回到顶部<",
    "On this page": "本页内容",
    "All pages": "所有页面",
    ">Next<": ">下一页<",
    ">Previous<": ">上一页<",
    ">Home<": ">首页<",
    "Made with": "制作工具：",
    "Copyright &#169;": "版权所有 &#169;",
    "Toggle site navigation sidebar": "打开或关闭所有页面的目录",
    "Toggle table of contents sidebar": "打开或关闭本页目录",
    "Toggle Light / Dark / Auto color theme": "切换浅色、深色或自动配色",
    "Toggle hidden content": "显示或隐藏",
    ">Contents<": ">目录<",
    ">Menu<": ">菜单<",
    ">Expand<": ">展开<",
    ">Light mode<": ">浅色<",
    ">Dark mode<": ">深色<",
    ">Auto light/dark, in light mode<": ">自动配色，现为浅色<",
    ">Auto light/dark, in dark mode<": ">自动配色，现为深色<",
    "Please activate JavaScript to enable the search functionality.": "要搜索，请启用 JavaScript。",
}


@dataclass(frozen=True, eq=False)
class Edition:
    """The series in one language.

    `folder` is where it lies below `notebooks`, `.site/written` and the site. `first_line` is what
    its notebooks need where their folder has another name, `theme` what to replace on its pages.
    """

    name: str
    language: str
    folder: str
    words: dict[str, str]
    first_line: str
    theme: dict[str, str]

    @property
    def up(self) -> str:
        """Return the way from its pages to the site's root."""
        return "../" * self.folder.count("/")


ENGLISH = Edition("English", "en", "", {what: words[0] for what, words in _TABLE.items()}, "", {})
CHINESE = Edition(
    "中文",
    "zh",
    "zh/",
    {what: words[1] for what, words in _TABLE.items()},
    "\n%env GRAPH_TO_GARMENT_LANGUAGE=zh",
    _OF_THE_THEME,
)
EDITIONS = ENGLISH, CHINESE
