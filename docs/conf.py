"""How `make docs` turns these pages and the gallery into a site that opens offline."""

from pathlib import Path

project = "kadanoff"
copyright = "The kadanoff developers"
extensions = ["myst_parser", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "gallery", "GALLERY_HEADER.rst"]
highlight_language = "none"  # most blocks are commands
myst_heading_anchors = 3  # pages link to headings, as they do on a repository's site

html_theme = "pydata_sphinx_theme"
html_title = "kadanoff"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}

sphinx_gallery_conf = {
    "examples_dirs": str(Path(__file__).parent / "gallery"),
    "gallery_dirs": "auto_gallery",
    "within_subsection_order": "ExampleTitleSortKey",
    "abort_on_example_error": True,
    "run_stale_examples": True,  # the package may have changed where a script did not
    "capture_repr": (),  # only what a script draws
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
}
