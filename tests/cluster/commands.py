# SPDX-License-Identifier: Apache-2.0
"""How each part of a cluster is started."""

from typing import Final

from tests.cluster.plan import ADDRESS, API_PORT, NODE, PODS, SERVICES, Plan

_ETCD: Final = "http://127.0.0.1:2379"
_ETCD_PEER: Final = "http://127.0.0.1:2380"
# With the defaults, the default service account comes five seconds later.
_QUICK: Final = (
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
)


def etcd(plan: Plan) -> list[str]:
    """Return the command of etcd, which need not survive a crash of the machine."""
    return [
        "etcd",
        f"--data-dir={plan.root / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        f"--quota-backend-bytes={4 * 2**30}",
    ]


def containerd(plan: Plan) -> list[str]:
    """Return the command of containerd."""
    return ["containerd", f"--config={plan.root / 'containerd.toml'}"]


def apiserver(plan: Plan) -> list[str]:
    """Return the command of the API server."""
    pki = plan.pki
    return [
        "kube-apiserver",
        f"--etcd-servers={_ETCD}",
        f"--bind-address={ADDRESS}",
        f"--advertise-address={ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
        "--enable-aggregator-routing=true",
        "--shutdown-delay-duration=0s",
        f"--audit-policy-file={plan.root / 'audit.json'}",
        f"--audit-log-path={plan.log_folder / 'audit.log'}",
    ]


def controller_manager(plan: Plan) -> list[str]:
    """Return the command of the controller manager."""
    return [
        "kube-controller-manager",
        f"--kubeconfig={plan.kubeconfig('controller-manager')}",
        *_QUICK,
        f"--root-ca-file={plan.pki / 'ca.crt'}",
        f"--service-account-private-key-file={plan.pki / 'service-accounts.key'}",
        "--use-service-account-credentials",
        f"--cluster-cidr={PODS}",
        "--node-monitor-period=2s",
        "--node-monitor-grace-period=15s",
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--horizontal-pod-autoscaler-downscale-stabilization=5s",
    ]


def scheduler(plan: Plan) -> list[str]:
    """Return the command of the scheduler."""
    return ["kube-scheduler", f"--kubeconfig={plan.kubeconfig('scheduler')}", *_QUICK]


def kubelet(plan: Plan) -> list[str]:
    """Return the command of the kubelet."""
    return [
        "kubelet",
        f"--config={plan.root / 'kubelet.json'}",
        f"--kubeconfig={plan.kubeconfig('kubelet')}",
        f"--hostname-override={NODE}",
        f"--node-ip={ADDRESS}",
        "--root-dir=/var/lib/kubelet",
    ]
