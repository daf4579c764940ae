"""Stores notebooks as they are committed: run from a fresh kernel, cleaned and folded.

    python tests/tools/store.py notebooks/03_gradient_descent.ipynb

With ``--as-run`` nothing is run: for a notebook that JupyterLab has just run and saved. Either way
README's picture of the notebook is made anew from what is stored in it.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from every_notebook import pictures, rules  # noqa: E402  They lie in the folder of the line above.


def fold(notebook: NotebookNode) -> None:
    """Fold what gives a prediction away, and nothing else: see `rules.outputs_to_fold`."""
    to_fold = {cell.id for cell, _ in rules.outputs_to_fold(notebook)}
    for cell in rules.code_cells(notebook):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != rules.FOLDED_TAG]
        cell.metadata = {}
        if cell.id in to_fold:
            tags.append(rules.FOLDED_TAG)
            cell.metadata |= rules.FOLDED
        if tags:
            cell.metadata["tags"] = tags


def clean(notebook: NotebookNode) -> None:
    """Drop what JupyterLab and the kernel write into a notebook, and no reader reads."""
    notebook.metadata = {"kernelspec": rules.KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}
            if "text/html" in (data := output.get("data", {})):
                data.pop("image/png", None)  # The page holds the picture, and its words.
            # Until its cell is run, JupyterLab would put an error in the place of the slider.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        if cell.cell_type == "markdown":
            cell.metadata = {}


def store(path: Path, *, as_run: bool = False) -> None:
    """Run a notebook, unless it has just been run, and write it as it is committed."""
    notebook = nbformat.read(path, as_version=4)
    if not as_run:
        NotebookClient(
            notebook,
            timeout=600,
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
            resources={"metadata": {"path": str(path.parent)}},
        ).execute()
    clean(notebook)
    fold(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    if shown := pictures.shown_in_readme(path, notebook.cells):
        file, picture = shown
        file.write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--as-run", action="store_true", help="only clean and fold")
    options = parser.parse_args()
    for path in options.notebooks:
        store(path, as_run=options.as_run)
        print(f"stored {path}")
