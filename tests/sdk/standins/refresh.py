"""What stand-ins share whose provider stores a refresh token: it buys access tokens, and may be replaced each time."""

from collections.abc import Callable

from .core import Answer, Call
from .exchange import Exchanging


class Refreshing(Exchanging):
    """`accounts` maps each refresh token that is good now to its account."""

    def __init__(self, accounts):
        super().__init__(accounts)
        self.rotates = False
        self._ever = set(accounts)

    @classmethod
    def fields(cls, account, token):
        return {"refresh_token": token}

    def secrets(self, tokens):
        return [*super().secrets(tokens), *self._ever.difference(tokens.values())]

    # What a test may do to it.

    def revoke_stored(self, account: str):
        """As a person does on the provider's page: neither the stored token nor what it bought is good any more."""
        with self.changed:
            self.accounts = {token: owner for token, owner in self.accounts.items() if owner != account}
        self.revoke(account)

    # What they share.

    def bought(self, call: Call, stored: str | None, shape: Callable[[str, str], object]) -> Answer:
        """The answer to an exchange, made of an access token and of the refresh token that is good from now on."""
        account = self.accounts.get(stored)
        if account is None and stored in self._ever:
            return self.denied("The token has been revoked or replaced")  # nobody but the provider knows
        return self.exchanged(call, account, lambda access: shape(access, self._next(stored)))

    def _next(self, stored: str) -> str:
        if not self.rotates:
            return stored
        with self.changed:
            renewed = f"{stored.partition('.')[0]}.{len(self._ever)}"
            self.accounts[renewed] = self.accounts.pop(stored)
            self._ever.add(renewed)
        return renewed
