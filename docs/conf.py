# SPDX-License-Identifier: Apache-2.0
"""Settings of Sphinx. Build with ``make docs``: warnings are errors, examples are executed."""

from importlib import metadata

project = "confcom"
author = "The confcom maintainers"
copyright = "The confcom maintainers"
release = version = metadata.version("confcom")

extensions = ["myst_parser", "sphinx.ext.doctest", "sphinxcontrib.mermaid"]
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"confcom {release}"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["deflist"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
