# Canaille, a real server of OpenID Connect: in memory, on any free port of this machine. Says where it is, in one line.
# Its people and their groups come as JSON in the first argument; it ends with its standard input.
import json
import os
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey

told = json.loads(sys.argv[1])
environ = {}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, lambda *call: app(*call), WSGIServer, Quiet)
origin = f"http://127.0.0.1:{server.server_port}"
app = create_app(
    config={
        "SECRET_KEY": "fake-secret-of-the-stand-in",
        "SERVER_NAME": f"127.0.0.1:{server.server_port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "SENTRY_DSN": None},
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)],
            "USERINFO_MAPPING": {"SUB": "{{ user.id }}", "PREFERRED_USERNAME": "{{ user.user_name }}"},
        },
    }
)
with app.app_context(), Backend.instance.session():
    people = {}
    for name, password in told["people"].items():
        person = models.User(
            user_name=name,
            family_name=name,
            formatted_name=name,
            emails=[f"{name}@example.test"],
            password=password,
        )
        Backend.instance.save(person)
        people[name] = person
    for name, members in told["groups"].items():
        Backend.instance.save(models.Group(display_name=name, members=[people[m] for m in members]))
    client = models.Client(
        client_id="bellhop",
        client_secret=told["secret"],
        client_name="Bellhop",
        client_uri=told["redirect"].rsplit("/sign-in", 1)[0],
        redirect_uris=[told["redirect"]],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)
print(origin, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
