#!/usr/bin/env bash
# Bellhop as one peer of a side-by-side harness: the same job as its other proxies, with everything on that users get.
#
# Runs in the foreground. LISTEN is HOST:PORT; UPSTREAM an http:// or https:// origin whose certificate is for
# `localhost`, and UPSTREAM_CA its authority; LISTEN_TLS_CERT and LISTEN_TLS_KEY are set where callers come by TLS;
# TOKENS_FILE has lines of a caller's token and a provider's; WORKERS is how many threads; WORKDIR is a scratch folder.
# BELLHOP_BIN names another binary than the release build.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bellhop=${BELLHOP_BIN:-$here/../../target/release/bellhop}
cd "${WORKDIR:?}"

main() {
  write_config >bellhop.yaml
  write_state >state.ndjson
  "$bellhop" --config bellhop.yaml apply state.ndjson
  rm state.ndjson
  exec "$bellhop" --config bellhop.yaml serve
}

# Limits that nobody reaches: each request is counted against all three, and none is refused.
write_config() {
  cat <<YAML
listen:
  proxy: "127.0.0.1:0"
  admin: "127.0.0.1:0"
  providers: { stub: "${LISTEN:?}" }
  workers: ${WORKERS:-1}
tls: { cert: ${LISTEN_TLS_CERT:-null}, key: ${LISTEN_TLS_KEY:-null} }
data_dir: ./data
presets: ["$here/preset.yaml"]
providers:
  stub: { upstream: "${UPSTREAM/127.0.0.1/localhost}", allow_private: true, ca_file: ${UPSTREAM_CA:-null} }
limits: { per_token: 10000000/s, per_user: 10000000/s, per_credential: 10000000/s }
YAML
}

# A user, with a token and a credential of their own, on each line.
write_state() {
  python3 - "${TOKENS_FILE:?}" <<'PYTHON'
import hashlib, json, sys

with open(sys.argv[1]) as tokens:
    for number, line in enumerate(tokens):
        caller, provider = line.split()
        digest = hashlib.sha256(caller.encode()).hexdigest()
        guard = hashlib.sha256(b"guard" + provider.encode()).hexdigest().ljust(len(provider), "0")[: len(provider)]
        fields = {"token": {"value": provider}, "guard": {"value": guard}}
        print(json.dumps({
            "name": f"user-{number}",
            "tokens": [{"name": "bench", "sha256": digest}],
            "credentials": [{"provider": "stub", "fields": fields}],
        }))
PYTHON
}

main
