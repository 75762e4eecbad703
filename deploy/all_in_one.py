"""What is special about running everything on one machine: settings that fit, and the welcome.

`heliograph run` points the consumer and the start page at the embedded store, whatever port it has.
"""

from collector.routes.start_tools import start_key
from collector.secrets import load_secrets, secret_path
from consumer.settings import ClickHouseSettings
from deploy.settings import Settings

_WELCOME = """
  Heliograph is running.

  pixel    {pixel}?e=PageView
  try it   {collector}/start#key={key}
  watch    {live}
  ask      curl '{store}/?query=SELECT+received_at,event,url+FROM+{table}+ORDER+BY+received_at+DESC+LIMIT+5+FORMAT+PrettyCompact'
  health   http://{admin_host}:{admin_port}/readyz

  Hits are kept in {journal} and {data}; Ctrl-C stops, the next start goes on from there.
"""  # noqa: E501 - a command to copy is one line


def all_in_one(settings: Settings) -> Settings:
    """Return the settings with the parts pointed at each other."""
    url = store_url(settings)
    clickhouse = settings.clickhouse.model_copy(
        update={
            "url": url,
            "user": "default",
            "password": settings.store.default_password,
            "sites_file": settings.clickhouse.sites_file or settings.collector.sites_file,
        }
    )
    updates: dict[str, object] = {
        "clickhouse": clickhouse,
        # Nothing on the way to a topic runs here, whatever is set for the machines that ship.
        "consumer": settings.consumer.model_copy(update={"source": "journal"}),
    }
    store: dict[str, object] = {}
    if not settings.collector.start_store_url:
        url = _url_for_pages(settings)
        updates["collector"] = settings.collector.model_copy(update={"start_store_url": url})
        store["origins_allowed"] = (*settings.store.origins_allowed, *_origins(settings))
    if not settings.store.live_page_collector_url:
        store["live_page_collector_url"] = collector_url(settings)
    updates["store"] = settings.store.model_copy(update=store)
    return settings.model_copy(update=updates)


def welcome(settings: Settings) -> str:
    """Return what is printed when all is ready: where the pixel is, and what to try.

    The page's address has the key to sign links with: who reads this runs Heliograph.
    """
    secret = secret_path(settings.collector.secret_file, settings.journal.path)
    return _WELCOME.format(
        collector=collector_url(settings),
        key=start_key(load_secrets(secret, None)),
        pixel=collector_url(settings) + settings.collector.pixel_path,
        live=_url_for_pages(settings),
        store=store_url(settings),
        table="hits" if _is_default(settings) else f"{settings.clickhouse.database}.hits",
        admin_host=settings.collector.admin_host,
        admin_port=settings.collector.admin_port,
        journal=settings.journal.path,
        data=settings.store.path,
    )


def collector_url(settings: Settings) -> str:
    """Return the collector's address as a person on this machine types it."""
    return f"http://{_shown(settings.collector.host)}:{settings.collector.port}"


def store_url(settings: Settings) -> str:
    """Return the embedded store's address, for clients on this machine."""
    return f"http://{_shown(settings.store.host)}:{settings.store.port}"


def _url_for_pages(settings: Settings) -> str:
    """Return the store's address with the database, if a client must name it."""
    url = store_url(settings)
    if _is_default(settings):
        return url
    return f"{url}/?database={settings.clickhouse.database}"


def _is_default(settings: Settings) -> bool:
    """Tell whether a client that names no database finds the tables."""
    return settings.clickhouse.database == ClickHouseSettings().database


def _shown(host: str) -> str:
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return "127.0.0.1" if everywhere else host


def _origins(settings: Settings) -> tuple[str, ...]:
    """The origins that the start page can have on this machine."""
    names = dict.fromkeys((_shown(settings.collector.host), "127.0.0.1", "localhost"))
    return tuple(f"http://{name}:{settings.collector.port}" for name in names)
