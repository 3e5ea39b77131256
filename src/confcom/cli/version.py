# SPDX-License-Identifier: Apache-2.0
"""Facts about this installation, for ``--version`` and for reports of bugs."""

import platform

from confcom import __version__

_PACKAGE = "confcom"


def version() -> str:
    """Return the version of this package."""
    return __version__


def issue_tracker() -> str | None:
    """Return the address for reports that the package names (``Project-URL: Issues``), or None."""
    from importlib import metadata  # noqa: PLC0415 - 3 MiB, for reports of bugs only

    try:
        links = metadata.metadata(_PACKAGE).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    named = (link.partition(",") for link in links)
    return next((url.strip() for label, _, url in named if label.lower() == "issues"), None)


def installation() -> str:
    """Return version, Python and platform in one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"confcom {version()}, {python}, {platform.platform()}"
