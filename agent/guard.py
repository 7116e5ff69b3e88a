"""Only addresses on the public internet: the connection classes that check where a name leads.

A fetched page may link to `http://169.254.169.254/` or to a name that points into the network of whoever runs the
agent. The check stands where the socket is opened, so redirects and changing names cannot get around it.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class RefusedAddressError(OSError):
    """The host's address is private, link-local, loopback or otherwise not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also when IPv4 is wrapped in IPv6."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def guarded_session(allowed: set[str]) -> requests.Session:
    """A requests session that connects only to public addresses and to the `host:port`s in `allowed`.

    Environment proxies and .netrc are ignored: a proxy would do the name look-up that has to be checked here.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = GuardedAdapter(allowed)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class GuardedAdapter(HTTPAdapter):
    """An adapter whose connections check the address before and after connecting."""

    def __init__(self, allowed: set[str]) -> None:
        self.allowed = allowed
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Give the pool manager connection classes that check addresses."""
        super().init_poolmanager(*args, **kwargs)
        plain, secure = guarded(HTTPConnection, self.allowed), guarded(HTTPSConnection, self.allowed)
        http_pool = type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": plain})
        https_pool = type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure})
        self.poolmanager.pool_classes_by_scheme = {"http": http_pool, "https": https_pool}


def guarded(connection: type[HTTPConnection], allowed: set[str]) -> type[HTTPConnection]:
    """The connection class with the address check around opening the socket.

    The name is looked up and checked first, so nothing is sent to a private address; the peer is checked again after
    connecting, because a name may change its address between the two.
    """

    class Guarded(connection):
        def _new_conn(self) -> socket.socket:
            if f"{self.host}:{self.port}" in allowed:
                return super()._new_conn()
            for *_, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                self._check(str(address[0]))
            connected = super()._new_conn()
            try:
                self._check(str(connected.getpeername()[0]))
            except RefusedAddressError:
                connected.close()
                raise
            return connected

        def _check(self, address: str) -> None:
            if not is_public(address):
                raise RefusedAddressError(f"{self.host} has the address {address}, which is not on the public internet")

    return Guarded
