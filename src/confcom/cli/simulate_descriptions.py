# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate enclave`` and ``td``: descriptions of what runs in software."""

import hashlib
from typing import Final, TypeVar

import click

from confcom.cli.command import Command
from confcom.cli.inputs import about, decode_binary, read_input
from confcom.cli.simulate_options import HexBytes, out_option, write_text
from confcom.dcap import TdAttributes
from confcom.sgx import Flags
from confcom.sgx.sigstruct import Sigstruct, verify_sigstruct
from confcom.simulation import Enclave, TrustDomain
from confcom.simulation.descriptions import enclave_to_json, td_to_json

T = TypeVar("T")

_RTMR_BYTES: Final = 48
_SIGSTRUCT_BYTES: Final = 1808


class Extension(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """An extension of a run-time register: INDEX=HEX."""

    name = "index=hex"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, bytes]:
        """Turn text into register and digest."""
        index, _, digest = value.partition("=")
        if index not in {"0", "1", "2", "3"}:
            self.fail(f"{value!r} does not begin with 0=, 1=, 2= or 3=", param, ctx)
        return int(index), HexBytes(_RTMR_BYTES).convert(digest, param, ctx)


@click.command(
    cls=Command,
    examples=(
        "confcom simulate enclave --out enclave.json",
        "confcom simulate enclave --sigstruct app.sig --out app.json",
        "confcom simulate enclave --mr-signer $(openssl rand -hex 32) --product-id 7 --isv-svn 2",
    ),
)
@click.option(
    "--name",
    default="demo",
    show_default=True,
    help="MRENCLAVE and MRSIGNER are made from this unless given.",
)
@click.option("--sigstruct", metavar="FILE", help="Take the identity from this SIGSTRUCT.")
@click.option("--mr-enclave", type=HexBytes(32), metavar="HEX", help="MRENCLAVE, 32 bytes.")
@click.option("--mr-signer", type=HexBytes(32), metavar="HEX", help="MRSIGNER, 32 bytes.")
@click.option("--product-id", type=click.IntRange(0, 65535), help="ISVPRODID.")
@click.option("--isv-svn", type=click.IntRange(0, 65535), help="ISVSVN.")
@click.option("--debug-enclave", is_flag=True, help="Set the DEBUG attribute.")
@click.option("--config-id", type=HexBytes(64), metavar="HEX", help="CONFIGID; sets KSS.")
@click.option("--config-svn", type=click.IntRange(0, 65535), help="CONFIGSVN; sets KSS.")
@click.option("--family-id", type=HexBytes(16), metavar="HEX", help="ISVFAMILYID; sets KSS.")
@click.option("--ext-product-id", type=HexBytes(16), metavar="HEX", help="ISVEXTPRODID; sets KSS.")
@out_option
@click.pass_context
def enclave(
    ctx: click.Context,
    name: str,
    sigstruct: str | None,
    mr_enclave: bytes | None,
    mr_signer: bytes | None,
    product_id: int | None,
    isv_svn: int | None,
    debug_enclave: bool,
    config_id: bytes | None,
    config_svn: int | None,
    family_id: bytes | None,
    ext_product_id: bytes | None,
    out: str,
) -> None:
    """Describe an enclave in software, for `report` and `quote`.

    Nothing in the description is secret.
    """
    base = _enclave_of_sigstruct(sigstruct) if sigstruct else _enclave_of_name(name)
    flags = base.flags | (Flags.DEBUG if debug_enclave else 0)
    if any(value is not None for value in (config_id, config_svn, family_id, ext_product_id)):
        flags |= Flags.KSS
    described = Enclave(
        mr_enclave=_either(mr_enclave, base.mr_enclave),
        mr_signer=_either(mr_signer, base.mr_signer),
        isv_prod_id=_either(product_id, base.isv_prod_id),
        isv_svn=_either(isv_svn, base.isv_svn),
        flags=flags,
        xfrm=base.xfrm,
        misc_select=base.misc_select,
        isv_ext_prod_id=_either(ext_product_id, base.isv_ext_prod_id),
        isv_family_id=_either(family_id, base.isv_family_id),
        config_id=_either(config_id, base.config_id),
        config_svn=_either(config_svn, base.config_svn),
    )
    write_text(ctx, out, enclave_to_json(described))


@click.command(
    cls=Command,
    examples=(
        "confcom simulate td --out td.json",
        "confcom simulate td --extend 3=$(printf hello | sha384sum | cut -c -96) --out td.json",
    ),
)
@click.option(
    "--name", default="demo", show_default=True, help="MRTD is made from this unless given."
)
@click.option("--mr-td", type=HexBytes(48), metavar="HEX", help="MRTD, 48 bytes.")
@click.option("--mr-config-id", type=HexBytes(48), metavar="HEX", help="MRCONFIGID.")
@click.option("--mr-owner", type=HexBytes(48), metavar="HEX", help="MROWNER.")
@click.option("--mr-owner-config", type=HexBytes(48), metavar="HEX", help="MROWNERCONFIG.")
@click.option("--mr-service-td", type=HexBytes(48), metavar="HEX", help="MRSERVICETD.")
@click.option(
    "--extend",
    "extensions",
    multiple=True,
    type=Extension(),
    help="Extend RTMR INDEX (0 to 3) with a digest of 48 bytes; in the order given.",
)
@click.option("--debug-td", is_flag=True, help="Set the DEBUG attribute.")
@out_option
@click.pass_context
def td(
    ctx: click.Context,
    name: str,
    mr_td: bytes | None,
    mr_config_id: bytes | None,
    mr_owner: bytes | None,
    mr_owner_config: bytes | None,
    mr_service_td: bytes | None,
    extensions: tuple[tuple[int, bytes], ...],
    debug_td: bool,
    out: str,
) -> None:
    """Describe a TD in software, for td-report and quote. Nothing in it is secret."""
    zeros = bytes(48)
    attributes = TdAttributes.SEPT_VE_DISABLE
    described = TrustDomain(
        mr_td=mr_td or hashlib.sha384(f"confcom SIMULATED TD {name}".encode()).digest(),
        td_attributes=attributes | TdAttributes.DEBUG if debug_td else attributes,
        mr_config_id=mr_config_id or zeros,
        mr_owner=mr_owner or zeros,
        mr_owner_config=mr_owner_config or zeros,
        mr_service_td=mr_service_td or zeros,
    )
    for index, digest in extensions:
        described = described.extend(index, digest)
    write_text(ctx, out, td_to_json(described))


def _either(given: T | None, default: T) -> T:
    return default if given is None else given


def _enclave_of_name(name: str) -> Enclave:
    return Enclave(
        mr_enclave=hashlib.sha256(f"confcom SIMULATED enclave {name}".encode()).digest(),
        mr_signer=hashlib.sha256(f"confcom SIMULATED author {name}".encode()).digest(),
    )


def _enclave_of_sigstruct(file: str) -> Enclave:
    what = "SIGSTRUCT"
    text = read_input(file, limit=4 * _SIGSTRUCT_BYTES, what=what)
    with about(file):
        sigstruct = Sigstruct.from_bytes(decode_binary(text, what=what))
    verified = verify_sigstruct(sigstruct)
    signed = verified.sigstruct
    has_kss = bool(signed.flags & Flags.KSS)
    return Enclave(
        mr_enclave=signed.enclave_hash,
        mr_signer=verified.mr_signer,
        isv_prod_id=signed.isv_prod_id,
        isv_svn=signed.isv_svn,
        flags=signed.flags | Flags.INIT,
        xfrm=signed.xfrm,
        misc_select=signed.misc_select,
        isv_ext_prod_id=signed.isv_ext_prod_id if has_kss else bytes(16),
        isv_family_id=signed.isv_family_id if has_kss else bytes(16),
    )
