"""A small OpenID Connect provider: discovery, codes with PKCE, signed ID tokens. It errs in the ways one may."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_ID, CLIENT_SECRET = "cria", "the-secret-of-cria"


class OidcServer:
    """`with OidcServer() as provider:` is at `provider.issuer`. Whoever comes is the person of `claims`, at once.

    `token` and `config` are written over what it would say in the ID token and about itself; `signs_with` is another
    key than the one it shows; `refuses` is the error its first page comes back with. `asked` are the questions that
    came to the first page.
    """

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.provider = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.behave()

    def behave(self) -> None:
        """From now on like a good one, to somebody called Ada."""
        self.claims: dict[str, Any] = {"sub": "ada-1", "email": "ada@example.com", "email_verified": True}
        self.claims |= {"given_name": "Ada"}
        self.token: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.signs_with: Any = self._key
        self.algorithm = "RS256"
        self.refuses = ""
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def setting(self) -> dict[str, str]:
        """As one of CRIA_OIDC."""
        return {"name": "Example", "issuer": self.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

    def discovery(self) -> dict[str, Any]:
        about = {} if self.userinfo is None else {"userinfo_endpoint": f"{self.issuer}/userinfo"}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorise",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **about,
            **self.config,
        }

    def keys(self) -> dict[str, Any]:
        numbers = self._key.public_key().public_numbers()
        shown = {
            name: _base64(value.to_bytes((value.bit_length() + 7) // 8))
            for name, value in (("n", numbers.n), ("e", numbers.e))
        }
        return {"keys": [{**shown, "kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig"}]}

    def authorise(self, query: dict[str, str]) -> str:
        """The address that the person is sent back to."""
        self.asked.append(query)
        assert (query["client_id"], query["response_type"]) == (CLIENT_ID, "code")
        assert query["code_challenge_method"] == "S256"
        answer = {"state": query["state"]}
        if self.refuses:
            answer["error"] = self.refuses
        else:
            answer["code"] = secrets.token_urlsafe()
            self._codes[answer["code"]] = query
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code is good once, for whoever asked for it."""
        query = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if (
            query is None
            or authorization != f"Basic {expected}"
            or form.get("redirect_uri") != query["redirect_uri"]
            or _base64(verifier) != query["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        token = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": query["nonce"]}
        claims = {**token, **self.claims, **self.token}
        id_token = self._signed({name: value for name, value in claims.items() if value is not None})
        return 200, {"access_token": "open-sesame", "token_type": "Bearer", "expires_in": 300, "id_token": id_token}

    def _signed(self, claims: dict[str, Any]) -> str:
        """A JSON Web Signature, written out by hand: what reads it is checked against something else than itself."""
        header = {"alg": self.algorithm, "typ": "JWT", "kid": "1", **self.header}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        match self.signs_with:
            case None:
                signature = b""
            case bytes(secret):
                signature = hmac.digest(secret, text.encode(), "sha256")
            case key:
                signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64(signature)}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider, address = self.provider, urlsplit(self.path)
        match address.path:
            case "/.well-known/openid-configuration":
                self._send(200, provider.discovery())
            case "/keys":
                self._send(200, provider.keys())
            case "/userinfo":
                is_known = self.headers["Authorization"] == "Bearer open-sesame"
                self._send(200 if is_known else 401, provider.userinfo or {})
            case "/authorise":
                self.send_response(302)
                self.send_header("Location", provider.authorise(dict(parse_qsl(address.query))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            case _:
                self._send(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._send(*self.provider.exchange(form, self.headers.get("Authorization", "")))

    @property
    def provider(self) -> OidcServer:
        provider: OidcServer = self.server.provider  # type: ignore[attr-defined]
        return provider

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
