"""Settings of the collector: one row each, with its limits and why one would change it.

Environment, flags, file and the reference page are derived from these rows (`deploy.settings`).
"""

from ipaddress import ip_network
from pathlib import Path as FilePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.limits import COOKIE_AGE_DAYS_MAX
from schemas.setting_types import Texts
from schemas.site_file import LinkDomain


def _is_path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or any(c in text for c in " ?#%\r\n\t"):
        raise ValueError("a path begins with / and has only plain ASCII, without ?, # and %")
    return text


def _is_network(text: str) -> str:
    ip_network(text)
    return text


def _is_cookie_token(text: str) -> str:
    if not text.replace("_", "").replace("-", "").isalnum() or not text.isascii():
        raise ValueError("a cookie's name has ASCII letters, digits, _ and -")
    return text


Path = Annotated[str, AfterValidator(_is_path)]
Network = Annotated[str, AfterValidator(_is_network)]
CookieName = Annotated[str, AfterValidator(_is_cookie_token)]
TcfPurpose = Annotated[int, Field(ge=1, le=24)]


class CollectorSettings(BaseModel):
    """How requests are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - a pixel is for everybody
        description="Address the collector listens on.",
    )
    port: int = Field(8080, ge=1, le=65535, description="Port the collector listens on.")
    workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="Worker processes; 0: one per core this process may use (`heliograph run`, "
        "which shares the machine with a store: two at most).",
    )
    admin_host: str = Field(
        "127.0.0.1",
        description="Address of /healthz, /readyz and /metrics; open it to your load balancer "
        "and Prometheus only.",
    )
    admin_port: int = Field(8081, ge=1, le=65535, description="Port of the admin endpoints.")

    pixel_path: Path = Field(
        "/p.gif", description="Path of the pixel; blockers know well-known names, so choose yours."
    )
    beacon_path: Path = Field("/p", description="Path that browsers POST events to.")
    tag_path: Path = Field("/px.js", description="Path of the tag, the script that pages load.")
    click_path: Path = Field("/r", description="Path of links that lead on (docs/links.md).")
    link_domains: Texts[LinkDomain] = Field(
        (),
        description="Domains that links may lead to without a signature: `shop.example`, or "
        "`*.shop.example` for all below it. A site may have more in its file.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+)?$",
        description="How browsers reach this collector, as `https://pixel.example`: what "
        "the commands `snippet` and `link` write. Empty: host and port of the settings.",
    )
    start_page: bool = Field(True, description="Serve /start, the page that tries the pixels.")
    start_store_url: str = Field(
        "", description="Where /start reads back the hits it fired; empty: it does not."
    )

    consent_default: Literal["granted", "limited", "denied"] = Field(
        "granted",
        description="What holds when a request says nothing of consent. `denied`: no cookie, a "
        "cut IP address and no user id unless the page says otherwise; see docs/consent.md.",
    )
    consent_dnt: bool = Field(
        False, description="Take the old `DNT: 1` header for a refusal, where nothing else speaks."
    )
    tcf_purposes: Texts[TcfPurpose] = Field(
        (1, 7, 8, 10),
        description="Purposes of TCF that must be allowed; if only 1 is not, consent is `limited`.",
    )
    tcf_vendor_id: int = Field(
        0,
        ge=0,
        le=65535,
        description="Your id in IAB's Global Vendor List; 0: you are no vendor, purposes count.",
    )
    tcf_legitimate_interest: bool = Field(
        False, description="Let a purpose rest on legitimate interest where TCF allows it."
    )

    visitor_kind: Literal["cookie", "daily", "none"] = Field(
        "cookie",
        description="How visitors are told apart. `daily`: without a cookie, by a hash of address, "
        "user agent and site whose salt lives for one day. `none`: not at all.",
    )
    visit_minutes: int = Field(
        30,
        ge=0,
        le=1440,
        description="A visit (`session_id`) ends after so long without a hit; 0: none is kept.",
    )
    cookie_name: CookieName = Field("hg", description="Name of the visitor cookie.")
    cookie_optout_name: CookieName = Field("hg_optout", description="Name of the opt-out cookie.")
    cookie_domain: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.-]*$",
        description="Domain of the visitor cookie; empty: only the collector's own host.",
    )
    cookie_age_days: int = Field(
        395, ge=1, le=COOKIE_AGE_DAYS_MAX, description="How long a browser keeps the cookie."
    )
    cookie_same_site: Literal["None", "Lax", "Strict"] = Field(
        "None", description="`None` lets pages of other sites send it (needs cookie_secure)."
    )
    cookie_secure: bool = Field(
        True, description="Only over https (and http on localhost); needed by SameSite=None."
    )
    cookie_partitioned: bool = Field(
        False,
        description="Keep a cookie for each site that embeds the pixel (CHIPS): works where "
        "browsers block cookies of others, and knows nobody across sites. Needs cookie_secure.",
    )
    cookie_renew_minutes: int = Field(
        5,
        ge=1,
        le=1440,
        description="A cookie older than this is set anew: its lifetime rolls on, and a visit's "
        "end is known to within this. Not more than visit_minutes.",
    )
    cookie_unsigned_accepted: bool = Field(
        False,
        description="Believe visitor cookies that are a bare UUID, from before they were signed; "
        "each is signed with the next answer. Anyone can make one up.",
    )

    secret_file: FilePath | None = Field(
        None,
        description="File of the keys that sign cookies, links and recipients: one a line, 64 hex "
        "digits, the first signs, all verify. The same on all machines. Unset: `secret.keys` "
        "beside the folder `journal.path`, made at the first start.",
    )

    recipients_signed: bool = Field(
        False,
        description="Keep a recipient (`rid`) only if it is signed (`rs`), for mailers that sign "
        "(docs/email.md). Otherwise one without a signature is believed.",
    )

    sites_file: FilePath | None = Field(
        None,
        description="TOML file of the sites (docs/sites.md), read again on SIGHUP. Unset: one site "
        "that takes every hit.",
    )
    unknown_sites: Literal["accept", "refuse"] = Field(
        "accept",
        description="What becomes of hits of a site that the file does not have, or that come from "
        "a page the site does not list: kept with a problem noted, or not written at all.",
    )
    keys_file: FilePath | None = Field(
        None,
        description="TOML file of the keys of API callers, written by the command `keys new` and "
        "read again on SIGHUP. Unset: nobody may use the API.",
    )
    api_events_per_second: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Events that one key may send a second, to each worker; a burst of ten seconds "
        "is let through. More get 429. 0: no bound.",
    )
    api_body_bytes_max: int = Field(
        4194304,
        ge=1024,
        le=67108864,
        description="Largest body of a POST to the API, inflated; larger ones get 413.",
    )
    api_age_hours_max: int = Field(
        168,
        ge=1,
        le=8760,
        description="Oldest client time (`ts`) of an event sent to the API; older ones are "
        "rejected. Keep it under the retention.",
    )

    trusted_proxies: Texts[Network] = Field(
        (),
        description="Networks of your proxies (CIDR); only they are believed about the client's "
        "address. Empty: nobody is.",
    )
    proxy_header: Literal["x-forwarded-for", "forwarded"] = Field(
        "x-forwarded-for",
        description="The one header your proxies set; the other is ignored, since a client could "
        "send it through them.",
    )

    request_line_bytes_max: int = Field(
        8192, ge=512, le=65536, description="Longest request line; longer ones get 414."
    )
    header_bytes_max: int = Field(
        16384, ge=1024, le=262144, description="Largest header block; larger ones get 431."
    )
    body_bytes_max: int = Field(
        262144, ge=1024, le=16777216, description="Largest body of a POST; larger ones get 413."
    )
    read_seconds_max: float = Field(
        10, ge=0.1, le=300, description="Time for a begun request to arrive whole (slowloris)."
    )
    idle_seconds_max: float = Field(
        75,
        ge=1,
        le=3600,
        description="Time a connection may stay open between requests; keep it above your load "
        "balancer's.",
    )
    connections_max: int = Field(
        10000, ge=1, le=1000000, description="Open connections per worker; more get 503."
    )
    pipelined_requests_max: int = Field(
        32, ge=1, le=1024, description="Requests of one connection answered in one turn."
    )
    write_buffer_bytes_max: int = Field(
        65536,
        ge=1024,
        le=16777216,
        description="Unsent answers of one slow reader; past it, no more is read from it.",
    )
    backlog: int = Field(
        4096, ge=1, le=65535, description="Connections the kernel queues (see net.core.somaxconn)."
    )
    drain_delay_seconds: float = Field(
        0,
        ge=0,
        le=300,
        description="On SIGTERM, how long /readyz says 503 while requests are still taken, for a "
        "load balancer to notice.",
    )
    drain_seconds_max: float = Field(
        10, ge=0, le=300, description="On SIGTERM, time to answer what is in flight."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.header_bytes_max <= self.request_line_bytes_max:
            raise ValueError(
                f"header_bytes_max ({self.header_bytes_max}) must be larger than "
                f"request_line_bytes_max ({self.request_line_bytes_max})"
            )
        if self.cookie_same_site == "None" and not self.cookie_secure:
            raise ValueError(
                "cookie_same_site=None needs cookie_secure=true, or browsers drop the cookie"
            )
        if self.cookie_partitioned and not self.cookie_secure:
            raise ValueError(
                "cookie_partitioned needs cookie_secure=true, or browsers drop the cookie"
            )
        if 0 < self.visit_minutes < self.cookie_renew_minutes:
            raise ValueError(
                f"cookie_renew_minutes ({self.cookie_renew_minutes}) must not be more than "
                f"visit_minutes ({self.visit_minutes})"
            )
        paths: dict[str, str] = {}
        for name in type(self).model_fields:
            if name.endswith("_path"):
                path = getattr(self, name)
                if path in paths:
                    raise ValueError(f"{paths[path]} and {name} are both {path}")
                paths[path] = name
        if self.port == self.admin_port and self.host == self.admin_host:
            raise ValueError(f"port and admin_port are both {self.port}")
        return self
