# SPDX-License-Identifier: Apache-2.0
"""Files that the parts of a cluster read: keys, ways to the API server, and settings."""

import json
from pathlib import Path
from typing import Final

from tests.cluster.pki import Authority, write_signing_key
from tests.cluster.plan import ADDRESS, API_PORT, NODE, PAUSE, PODS, SERVICE_ADDRESS, Plan

KUBELET_ROOT: Final = Path("/var/lib/kubelet")
"""Fixed: the kubelet looks for device plugins here, whatever its root is."""
_USERS: Final = {
    "admin": ("kubernetes-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
}
_API_NAMES: Final = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")


def write_all(plan: Plan) -> None:
    """Write the files of all parts into the folder of the cluster."""
    plan.pki.mkdir(mode=0o700)
    _write_pki(plan.pki)
    inside = f"https://{ADDRESS}:{API_PORT}"
    for user in _USERS:
        plan.kubeconfig(user).write_text(kubeconfig(plan, user, inside), encoding="utf-8")
        plan.kubeconfig(user).chmod(0o600)
    networks = plan.root / "cni"
    networks.mkdir()
    (networks / "10-bridge.conflist").write_text(json.dumps(_network(plan)), encoding="utf-8")
    (plan.root / "kubelet.json").write_text(json.dumps(_kubelet(plan)), encoding="utf-8")
    (plan.root / "audit.json").write_text(json.dumps(_AUDIT), encoding="utf-8")
    settings = _CONTAINERD_1_6 if plan.runtime == "1.6" else _CONTAINERD_2_1
    text = settings.format(root=plan.root, socket=plan.containerd_socket, pause=PAUSE)
    (plan.root / "containerd.toml").write_text(text, encoding="utf-8")


def _write_pki(folder: Path) -> None:
    authority = Authority(folder, "ca")
    addresses = ("127.0.0.1", SERVICE_ADDRESS, ADDRESS)
    authority.issue("apiserver", "kube-apiserver", hosts=(*_API_NAMES, *addresses))
    authority.issue("apiserver-kubelet", "kube-apiserver", organizations=("system:masters",))
    authority.issue("kubelet-serving", f"system:node:{NODE}", hosts=(NODE, ADDRESS))
    for user, (name, group) in _USERS.items():
        authority.issue(user, name, organizations=(group,) if group else ())
    Authority(folder, "front-proxy-ca").issue("front-proxy", "front-proxy-client")
    write_signing_key(folder, "service-accounts")


def kubeconfig(plan: Plan, user: str, server: str) -> str:
    """Return the text of a file by which a user finds the API server at an address."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": server,
                        "certificate-authority": str(plan.pki / "ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate": str(plan.pki / f"{user}.crt"),
                        "client-key": str(plan.pki / f"{user}.key"),
                    },
                }
            ],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        },
        indent=1,
    )


_AUDIT: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def _network(plan: Plan) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(plan.root / "addresses"),
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "bridge", "plugins": [bridge]}


def _kubelet(plan: Plan) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "port": 10250,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(plan.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(plan.pki / "kubelet-serving.crt"),
        "tlsPrivateKeyFile": str(plan.pki / "kubelet-serving.key"),
        "containerRuntimeEndpoint": f"unix://{plan.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{plan.cgroup}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "2s",
        "nodeStatusReportFrequency": "10s",
        "syncFrequency": "5s",
        "volumePluginDir": str(plan.root / "volume-plugins"),
        "serializeImagePulls": False,
        "resolvConf": "",
    }


_CONTAINERD_1_6: Final = """\
version = 2
root = "{root}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{root}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{root}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""

_CONTAINERD_2_1: Final = """\
version = 3
root = "{root}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{pause}"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{root}/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  enable_cdi = true
  cdi_spec_dirs = ["/var/run/cdi"]
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{root}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
[plugins."io.containerd.nri.v1.nri"]
  disable = false
  socket_path = "/run/nri/nri.sock"
"""
