"""osslsigncode, which signs with certificates that are thrown away, and judges hashes and signatures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from judges.disk import run
from judges.wim import outcome, require

_EXTENSIONS = {"code": "codeSigning", "time": "critical,timeStamping"}
_DAYS = "3650"


@dataclass(frozen=True)
class Authority:
    """An authority and those whom it certified: ``code`` and ``curve``, an elliptic one, sign; ``time`` says when."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "authority.pem"

    def sign(self, file: Path, to: Path, *, digest: str = "sha256", by: str = "code", time: int | None = None) -> Path:
        """Sign a program or a catalog; ``time`` is in seconds since 1970, and somebody else then says so."""
        options = ["-certs", self.folder / f"{by}.pem", "-key", self.folder / f"{by}.key", "-h", digest]
        if time is not None:
            options += ["-TSA-certs", self.folder / "time.pem", "-TSA-key", self.folder / "time.key"]
            options += ["-TSA-time", str(time)]
        to.unlink(missing_ok=True)
        run(["osslsigncode", "sign", *options, "-in", file, "-out", to])
        return to

    def certificate_of(self, name: str) -> bytes:
        """Return a certificate in DER."""
        to = self.folder / f"{name}.der"
        run(["openssl", "x509", "-in", self.folder / f"{name}.pem", "-outform", "DER", "-out", to])
        return to.read_bytes()

    def raw_signature(self, data: bytes, *, by: str) -> bytes:
        """Return bytes as PKCS #1 v1.5 pads and signs them, whatever they are."""
        made, to = self.folder / "data", self.folder / "signature"
        made.write_bytes(data)
        run(["openssl", "pkeyutl", "-sign", "-inkey", self.folder / f"{by}.key", "-in", made, "-out", to])
        return to.read_bytes()

    def vouches(self, catalog: Path, file: Path) -> bool:
        """Tell whether a catalog has a right signature and holds the hash of a file."""
        done = outcome(
            "osslsigncode", "verify", "-CAfile", self.certificate, "-catalog", catalog, "-in", file, "-ignore-timestamp"
        )
        return done.returncode == 0


def make_authority(
    folder: Path, name: str = "Throw-away Authority", certified: Sequence[str] = ("code", "time", "curve")
) -> Authority:
    """Make the keys and certificates, of an authority of a name, and of those whom it certified."""
    made = Authority(folder)
    subject = ["-days", _DAYS, "-subj", f"/O=Throw-away/CN={name}"]
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", folder / "authority.key"]
    run(["openssl", "req", "-x509", *key, *subject, "-out", made.certificate])
    for each in certified:
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if each == "curve" else ["rsa:2048"]
        request = folder / f"{each}.csr"
        extensions = folder / f"{each}.ext"
        extensions.write_text(f"extendedKeyUsage={_EXTENSIONS.get(each, 'codeSigning')}\nbasicConstraints=CA:false\n")
        names = ["-subj", f"/O=Throw-away/CN=Driver {each}", "-out", request]
        run(["openssl", "req", "-newkey", *kind, "-nodes", "-keyout", folder / f"{each}.key", *names])
        by = ["-CA", made.certificate, "-CAkey", folder / "authority.key", "-CAcreateserial"]
        run(["openssl", "x509", "-req", "-in", request, *by, "-days", _DAYS, "-extfile", extensions,
             "-out", folder / f"{each}.pem"])  # fmt: skip
    require("osslsigncode")
    return made


def authenticode(program: Path) -> str:
    """Return the hash of a program that osslsigncode calculates, in hexadecimal digits."""
    said = outcome("osslsigncode", "verify", "-in", program).stdout
    (found,) = re.findall(r"^Calculated message digest +: ([0-9A-F]+)", said, re.MULTILINE)
    return str(found).lower()
