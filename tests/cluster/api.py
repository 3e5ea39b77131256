# SPDX-License-Identifier: Apache-2.0
"""The few questions to an API server that starting a cluster takes."""

import http.client
import json
import ssl
from typing import Any, Final

from tests.cluster.plan import ADDRESS, API_PORT, Plan

_ASK_S: Final = 5.0


class Api:
    """Asks as the administrator, from inside."""

    def __init__(self, plan: Plan) -> None:
        self._context = ssl.create_default_context(cafile=str(plan.pki / "ca.crt"))
        self._context.load_cert_chain(plan.pki / "admin.crt", plan.pki / "admin.key")

    def is_fine(self, path: str) -> bool:
        """Tell whether what is at a path is there, or answers that all is well."""
        return self._get(path) is not None

    def is_node_ready(self, name: str) -> bool:
        """Tell whether a node says that it takes pods."""
        body = self._get(f"/api/v1/nodes/{name}")
        node: dict[str, Any] = json.loads(body) if body else {}
        conditions = node.get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _get(self, path: str) -> bytes | None:
        connection = http.client.HTTPSConnection(
            ADDRESS, API_PORT, timeout=_ASK_S, context=self._context
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status == http.HTTPStatus.OK else None
