# SPDX-License-Identifier: Apache-2.0
"""What packages the image holds, as an SPDX 2.3 document."""

import json
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any


def bill_of_materials(packages: Path, interpreter: str, revision: str, created_s: int) -> bytes:
    """Return the document.

    Args:
        packages: folder with installed packages.
        interpreter: version of CPython.
        revision: commit that the image is made of.
        created_s: Unix time that it is said to be of.
    """
    found = sorted(distributions(path=[str(packages)]), key=lambda one: one.name.lower())
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "confcom",
        "documentNamespace": f"https://confcom.dev/spdx/{revision}",
        "creationInfo": {
            "created": datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: confcom tools.image"],
        },
        "packages": [_package("CPython", interpreter, "PSF-2.0"), *map(_of, found)],
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _of(one: Distribution) -> dict[str, Any]:
    licence = one.metadata.json.get("license_expression", "NOASSERTION")
    return _package(one.name, one.version, str(licence))


def _package(name: str, version: str, licence: str) -> dict[str, Any]:
    return {
        "SPDXID": f"SPDXRef-{name.replace('_', '-')}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "licenseDeclared": licence,
        "filesAnalyzed": False,
    }
