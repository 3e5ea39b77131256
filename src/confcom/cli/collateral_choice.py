# SPDX-License-Identifier: Apache-2.0
"""What our own settings say about where collateral comes from, and where it was said."""

from typing import Final

from confcom.protocols.quoting_conf import DEFAULT, Choice, CollateralChoice
from confcom.runtime.settings import Effective, Layer

# The first of them that somebody has set decides; what it holds belongs to our own sources.
_SOURCES: Final = ("collateral.sources", "collateral.pcs_url")
# Credentials are for the proxy that the same person names, never for another one.
_PROXY: Final = ("collateral.proxy", "collateral.proxy_credentials_file")
_UPDATE: Final = ("collateral.update",)


def own_choice(effective: Effective) -> CollateralChoice:
    """Return what our own settings say, and where each of it was said."""

    def origin(paths: tuple[str, ...]) -> str:
        given = (effective.origins[path] for path in paths)
        return next((str(one) for one in given if one.layer is not Layer.DEFAULT), DEFAULT)

    settings = effective.settings.collateral
    return CollateralChoice(
        sources=Choice(settings.sources, origin(_SOURCES)),
        proxy=Choice(settings.proxy, origin(_PROXY)),
        update=Choice(settings.update.value, origin(_UPDATE)),
    )
