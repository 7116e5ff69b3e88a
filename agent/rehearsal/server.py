"""Serves a made-up world over real HTTP on loopback, one path prefix per host, and keeps a log of what was asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agent.rehearsal.world import Fault, Repo, World, error_feed, feed

ARXIV_ID = re.compile(r"\d{4}\.\d{4,5}(v\d+)?|[a-z-]+(\.[A-Z]{2})?/\d{7}(v\d+)?")


@dataclass
class Reply:
    """Status, headers and body to send."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request that arrived."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: str = ""


class Loopback:
    """A running server; `endpoints` is what the transport wants to know."""

    HOSTS = ("export.arxiv.org", "api.github.com", "huggingface.co", "api.semanticscholar.org")

    def __init__(self, world: World, hosts: tuple[str, ...] = ()) -> None:
        self.world = world
        self.log: list[Asked] = []
        self.hosts = (*self.HOSTS, *hosts)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def endpoints(self) -> dict[str, str]:
        """Real origin → where it is played here."""
        return {f"https://{host}": f"{self.origin}/{host}" for host in self.hosts}

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()

    def answer(self, asked: Asked) -> Reply:
        """The answer of the host that was asked."""
        waiting = self.world.faults.get(asked.host)
        if waiting:
            fault: Fault = waiting.pop(0)
            return Reply(fault.status, fault.body, dict(fault.headers))
        players: dict[str, Callable[[World, Asked], Reply]] = {
            "export.arxiv.org": arxiv,
            "api.github.com": github,
            "huggingface.co": hub,
            "api.semanticscholar.org": semantic_scholar,
        }
        return players.get(asked.host, page)(self.world, asked)


@contextmanager
def serving(world: World, *hosts: str) -> Iterator[Loopback]:
    """A loopback server for the time of the block."""
    loopback = Loopback(world, hosts)
    try:
        yield loopback
    finally:
        loopback.close()


def handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    """The request handler of a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer: in two, the second waits for the first one's receipt

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode() if length else ""
            host, _, rest = self.path.lstrip("/").partition("/")
            asked = Asked(host, self.command, f"/{rest}", {k.lower(): v for k, v in self.headers.items()}, body)
            loopback.log.append(asked)
            reply = conditional(asked, loopback.answer(asked))
            content = b"" if reply.status == 304 else reply.body.encode("utf-8", "surrogatepass")
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler


def conditional(asked: Asked, reply: Reply) -> Reply:
    """304 when the asker already has it: GitHub's REST and the Hub send ETags, arXiv does not."""
    if asked.host in {"export.arxiv.org"} or asked.method != "GET" or reply.status != 200:
        return reply
    etag = f'"{sha256(reply.body.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
    headers = {**reply.headers, "ETag": etag}
    return Reply(304, "", headers) if asked.headers.get("if-none-match") == etag else Reply(200, reply.body, headers)


def arxiv(world: World, asked: Asked) -> Reply:
    """The query API: id lists and searches, errors as a feed with status 400."""
    moment = world.moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
    kind = {"Content-Type": "application/atom+xml; charset=utf-8"}
    start, size = int(words.get("start", 0)), int(words.get("max_results", 10))
    if "id_list" in words:
        numbers = words["id_list"].split(",")
        bad = next((number for number in numbers if not ARXIV_ID.fullmatch(number)), None)
        if bad is not None:
            return Reply(400, error_feed(f"incorrect id format for {bad}", moment), kind)
    else:
        numbers = world.found.get(words.get("search_query", ""), [])
    papers = [world.papers[re.sub(r"v\d+$", "", n)] for n in numbers if re.sub(r"v\d+$", "", n) in world.papers]
    shown = [paper.atom() for paper in papers[start : start + size]]
    return Reply(200, feed(urlsplit(asked.path).query, shown, len(papers), start, size, moment), kind)


def github(world: World, asked: Asked) -> Reply:
    """GraphQL for those with a token, REST for all, 301 from a former name to the number."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    path = urlsplit(asked.path).path
    if path == "/graphql":
        if "authorization" not in asked.headers:
            return Reply(401, json.dumps({"message": "Requires authentication", "status": "401"}), kind)
        return Reply(200, json.dumps(graphql(world, json.loads(asked.body)["query"])), kind)
    if number := re.fullmatch(r"/repositories/(\d+)", path):
        return rest(next((repo for repo in world.repositories if repo.number == int(number[1])), None), kind)
    if name := re.fullmatch(r"/repos/([^/]+/[^/]+)", path):
        repo = world.repository(name[1])
        if repo is not None and repo.full_name.lower() != name[1].lower():
            place = f"https://api.github.com/repositories/{repo.number}"
            body = {"message": "Moved Permanently", "url": place, "documentation_url": "https://docs.github.com/rest"}
            return Reply(301, json.dumps(body), {**kind, "Location": place})
        return rest(repo, kind)
    return Reply(404, json.dumps({"message": "Not Found", "status": "404"}), kind)


def rest(repo: Repo | None, kind: dict[str, str]) -> Reply:
    """A repository or a 404."""
    if repo is None:
        return Reply(404, json.dumps({"message": "Not Found", "status": "404"}), kind)
    return Reply(200, json.dumps(repo.rest()), kind)


def graphql(world: World, query: str) -> dict[str, Any]:
    """Data for the aliased repositories of a query, errors for unknown ones."""
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for alias, owner, name in re.findall(r'(r\d+): repository\(owner: "([^"]+)", name: "([^"]+)"', query):
        repo = world.repository(f"{owner}/{name}")
        data[alias] = repo.graphql() if repo else None
        if repo is None:
            message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            errors.append(
                {"type": "NOT_FOUND", "path": [alias], "locations": [{"line": 1, "column": 9}], "message": message}
            )
    data["rateLimit"] = {"cost": 1, "remaining": 4999, "resetAt": world.moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"data": data, **({"errors": errors} if errors else {})}


def hub(world: World, asked: Asked) -> Reply:
    """Data sets and models by name and by author; paper pages; 401 for what is missing when anonymous."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    parts, known = urlsplit(asked.path), "authorization" in asked.headers
    words = parts.path.strip("/").split("/")
    missing = Reply(
        404 if known else 401,
        json.dumps({"error": "Repository not found" if known else "Invalid username or password."}),
        {**kind, "X-Error-Code": "RepoNotFound"},
    )
    if words[:2] == ["api", "papers"]:
        paper = world.hub_papers.get(words[2])
        return (
            Reply(200, json.dumps(paper), kind) if paper else Reply(404, json.dumps({"error": "Paper not found"}), kind)
        )
    if len(words) == 2:
        author = parse_qs(parts.query).get("author", [""])[0]
        mine = [a.json() for a in world.assets if a.kind == words[1] and a.id.split("/")[0] == author and not a.private]
        return Reply(200, json.dumps(mine), kind)
    name = "/".join(words[2:])
    asset = next((a for a in world.assets if a.kind == words[1] and a.id == name and not a.private), None)
    return Reply(200, json.dumps(asset.json()), kind) if asset else missing


def semantic_scholar(world: World, asked: Asked) -> Reply:
    """The batch endpoint: null in place of an unknown paper."""
    ids = json.loads(asked.body or '{"ids": []}')["ids"]
    return Reply(
        200, json.dumps([world.semantic_scholar.get(one) for one in ids]), {"Content-Type": "application/json"}
    )


def page(world: World, asked: Asked) -> Reply:
    """A page or feed of any other host."""
    known = world.pages.get(f"https://{asked.host}{asked.path}")
    if known is None:
        return Reply(404, "<h1>Not found</h1>", {"Content-Type": "text/html"})
    headers = {"Content-Type": known.content_type} | ({"Location": known.location} if known.location else {})
    return Reply(known.status, known.body, headers)
