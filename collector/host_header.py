"""What a Host header may say (RFC 9110 section 7.2); a request with another gets 400.

RFC 9112 section 3.2 asks for it: a host that parts of a chain read differently is how caches are
poisoned. Pure.
"""

import re
from functools import lru_cache

# uri-host [ ":" port ], RFC 3986 section 3.2.2; empty is allowed.
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-fvV:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)


@lru_cache(maxsize=1024)
def is_valid_host(value: bytes) -> bool:
    """Tell whether a Host header's value names a host, with or without a port."""
    return _HOST.fullmatch(value) is not None
