"""One round of signing and reading the claims of a service token with JWT libraries: µs of CPU each, as JSON."""

import json
import sys
import time

import jwt
from joserfc import jwt as jose
from joserfc.jwk import OctKey

KEY, ID = b"k" * 32, "0197c1d2-aaaa-7bbb-8ccc-0123456789ab"
NOW = int(time.time())
PRINCIPAL = {"id": ID, "kind": "user", "role": "admin", "user_id": ID, "scopes": ["*"], "username": "admin"}
CLAIMS = {"iss": "gateway", "aud": "backend", "op": "command", "iat": NOW, "exp": NOW + 600, "cid": ID}
CLAIMS |= {"prn": PRINCIPAL | {"tenant": "default"}, "body": "x" * 32, "client": "127.0.0.1"}


def us(work, times):
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def main():
    times = int(sys.argv[1])
    by_pyjwt = jwt.encode(CLAIMS, KEY, algorithm="HS256")
    key, head = OctKey.import_key(KEY), {"alg": "HS256"}
    by_jose = jose.encode(head, CLAIMS, key)
    rules = jose.JWTClaimsRegistry(aud={"essential": True, "value": "backend"})
    found = {
        "PyJWT issue": us(lambda: jwt.encode(CLAIMS, KEY, algorithm="HS256"), times),
        "PyJWT read": us(lambda: jwt.decode(by_pyjwt, KEY, algorithms=["HS256"], audience="backend"), times),
        "joserfc issue": us(lambda: jose.encode(head, CLAIMS, key), times),
        "joserfc read": us(
            lambda: rules.validate(jose.decode(by_jose, key, algorithms=["HS256"]).claims), times
        ),
    }
    print(json.dumps(found))


main()
