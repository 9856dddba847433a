"""What a book has once it is published: an address, a repository, and a menu to run its pages.

It is told by the environment, so that a book built anywhere else asks for nothing:

BOOK_URL         where the pages will be, as https://name.github.io/course/
BOOK_REPOSITORY  owner/name of the sources on GitHub; its branch ``notebooks`` has the pages as
                 notebooks, which ``notebooks.py`` writes
BOOK_HUB         a JupyterHub with nbgitpuller, as https://hub.example.org (optional)
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlencode

BRANCH = "notebooks"


def launch_links(repository: str, hub: str, pagename: str) -> dict[str, str]:
    """Name of a service -> address at which it opens a page's notebook."""
    path = f"{pagename}.ipynb"
    query = urlencode({"labpath": path})
    links = {
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?{query}",
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/{quote(path)}",
    }
    if hub:
        folder = repository.rpartition("/")[2]
        pull = {
            "repo": f"https://github.com/{repository}",
            "branch": BRANCH,
            "urlpath": f"lab/tree/{folder}/{path}",
        }
        links["JupyterHub"] = f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(pull)}"
    return links


def add_launch_menu(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the menu into the header of pages that are notebooks."""
    if "ipynb_source" not in context:
        return
    links = launch_links(os.environ["BOOK_REPOSITORY"], os.environ.get("BOOK_HUB", ""), pagename)
    buttons = [
        {"type": "link", "text": name, "tooltip": f"Run this page on {name}", "url": url}
        for name, url in links.items()
    ]
    menu = {"type": "group", "tooltip": "Run this page", "icon": "fas fa-rocket"}
    context["header_buttons"].append({**menu, "buttons": buttons, "label": "launch-buttons"})


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    address, repository = os.environ.get("BOOK_URL"), os.environ.get("BOOK_REPOSITORY")
    if address:
        app.config.html_baseurl = app.config.ogp_site_url = address.rstrip("/") + "/"
        app.config.sitemap_url_scheme = "{link}"
        app.config.ogp_site_name = app.config.html_title or app.config.project
        app.setup_extension("sphinx_sitemap")
        app.setup_extension("sphinxext.opengraph")
    if repository:
        app.config.html_theme_options |= {
            "repository_url": f"https://github.com/{repository}",
            "path_to_docs": "book",
            "use_repository_button": True,
            "use_edit_page_button": True,
            "use_issues_button": True,
        }
        # After the theme has made its own buttons.
        app.connect("html-page-context", add_launch_menu, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
