# SPDX-License-Identifier: Apache-2.0
"""Read what a node has for SGX: memory, processor, device nodes, driver; nothing is changed."""

from confcom.adapters.sgx_node.read import NodeRoots, Running, read_facts, read_node, running_here

__all__ = ["NodeRoots", "Running", "read_facts", "read_node", "running_here"]
