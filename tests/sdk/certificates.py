"""An authority and one certificate for 127.0.0.1, for SDKs that insist on TLS; it lives as long as one module's tests."""

import ssl
from pathlib import Path

import trustme


class Certificates:
    """`roots` is what clients trust; `certificate` and `key` are what a server is given."""

    def __init__(self, folder: Path):
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        self.roots, self.certificate, self.key = (folder / name for name in ("roots.pem", "certificate.pem", "key.pem"))
        authority.cert_pem.write_to_path(self.roots)
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        issued.private_key_pem.write_to_path(self.key)

    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.roots)
