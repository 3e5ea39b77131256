# SPDX-License-Identifier: Apache-2.0
"""Plain data as YAML, by ruamel.yaml.

Readers disagree about plain scalars: ``yes`` is true for YAML 1.1 (PyYAML, kubectl) and text
for 1.2, and ``0644`` has three meanings. So text stays plain only where no reader could take
it for something else; the rest is put in double quotes.
"""

import io
import re

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

_TEXT = "tag:yaml.org,2002:str"
_NUMBER = "tag:yaml.org,2002:float"
# Starts like a word, so it is no number or date in any version, and holds no syntax.
_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9 _./()+-]*[A-Za-z0-9_./()+-])?")
_WORDS = frozenset({"y", "yes", "n", "no", "on", "off", "true", "false", "null"})
# A folded scalar is hard to search for.
_NEVER_FOLD = 2**31


class _Representer(SafeRepresenter):
    """Writes text that a reader could take for something else in double quotes."""


def _represent_text(representer: SafeRepresenter, text: str) -> ScalarNode:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    node: ScalarNode = representer.represent_scalar(_TEXT, text, style=None if is_plain else '"')
    return node


def _represent_number(representer: SafeRepresenter, number: float) -> ScalarNode:
    # Version 1.1 has no number without a point before its exponent.
    text = repr(number)
    if "." not in text:
        text = text.replace("e", ".0e")
    node: ScalarNode = representer.represent_scalar(_NUMBER, text)
    return node


_Representer.add_representer(str, _represent_text)
_Representer.add_representer(float, _represent_number)


def dump(document: object) -> str:
    """Return plain data as block-style YAML; keys keep their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = _NEVER_FOLD
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue().removesuffix("...\n")
