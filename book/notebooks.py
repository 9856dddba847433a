"""Write the pages as notebooks to run elsewhere: ``python book/notebooks.py DIRECTORY``.

They come from the built book, without outputs.  Where there is no coursekit, the first cell
installs that of BOOK_REPOSITORY, at BOOK_REVISION.  The directory can be a branch of its own, which
Binder, Colab and JupyterHubs open.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4

SOURCES = Path(__file__).resolve().parent / "_build" / "html" / "_sources"


def main(target: Path, package: str) -> int:
    """Write all notebooks, and what Binder needs to run them; their number."""
    install = f"%pip install -q '{package}'"
    first = f"try:\n    import coursekit\nexcept ImportError:\n    {install}"
    pages = sorted(SOURCES.rglob("*.ipynb"))
    for page in pages:
        read: Any = nbformat.read
        notebook = read(page, as_version=4)
        make: Any = nbformat.v4.new_code_cell
        notebook.cells.insert(1, make(first, id="install"))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        path = target / page.relative_to(SOURCES)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
    (target / "requirements.txt").write_text(f"{package}\njupyterlab\n", encoding="utf-8")
    return len(pages)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not SOURCES.is_dir():
        raise SystemExit("expected a directory, and a book built before with `make book`")
    where = f"git+https://github.com/{os.environ['BOOK_REPOSITORY']}"
    revision = os.environ.get("BOOK_REVISION", "main")
    print(main(Path(sys.argv[1]), f"coursekit @ {where}@{revision}"), "notebooks")
