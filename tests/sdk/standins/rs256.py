"""RS256, as far as an issuer of fake tokens needs it: a key of its own, signatures, and the key as a JWKS entry.

Nothing but the standard library, as stand-ins run in every SDK's environment. Not for use outside tests.
"""

import hashlib
import secrets

from .exchange import encoded

SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
EXPONENT = 65537
BITS = 2048
# RFC 8017 §9.2: what stands before a SHA-256 digest.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Key:
    def __init__(self):
        self.id = f"fake-{secrets.token_hex(4)}"
        p, q = _prime(), _prime()
        self._modulus = p * q
        self._private = pow(EXPONENT, -1, (p - 1) * (q - 1))

    def sign(self, text: str) -> bytes:
        digest = DIGEST_INFO + hashlib.sha256(text.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (BITS // 8 - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self._private, self._modulus).to_bytes(BITS // 8, "big")

    def published(self) -> dict:
        modulus = self._modulus.to_bytes(BITS // 8, "big")
        numbers = {"n": encoded(modulus), "e": encoded(EXPONENT.to_bytes(3, "big"))}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id} | numbers


def _prime() -> int:
    """Half of a modulus' bits, the two highest set so that the product has them all."""
    while True:
        candidate = secrets.randbits(BITS // 2) | 3 << (BITS // 2 - 2) | 1
        if candidate % EXPONENT != 1 and all(candidate % p for p in SMALL_PRIMES) and _is_probably_prime(candidate):
            return candidate


def _is_probably_prime(n: int) -> bool:
    """Miller and Rabin's test, as often as makes a mistake unlikely enough for a test."""
    odd = n - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    for _ in range(8):
        x = pow(secrets.randbelow(n - 3) + 2, odd, n)
        if x not in (1, n - 1) and not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True
