"""JupyterLab's settings when it is started in this directory."""

from pathlib import Path

c = get_config()  # noqa: F821  (traitlets defines it)

c.ServerApp.root_dir = str(Path(__file__).resolve().parent)
