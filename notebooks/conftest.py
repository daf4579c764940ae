"""Tells nbval which parts of an output may differ between machines.

The file stands beside the notebooks so that pytest finds it from any folder it is started in.
"""

from pathlib import Path


def pytest_configure(config):
    """Point nbval at the sanitising file, wherever pytest was started."""
    sanitising_file = Path(__file__).resolve().parents[1] / "tests" / "nbval_sanitize.cfg"
    config.option.nbval_sanitize_with = str(sanitising_file)
