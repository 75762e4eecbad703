"""An audience's definition to the query that finds its members. Pure.

Who is meant is `who`: the visitor, also for what a server reports by the user id that the visitor
was last seen with (as the view `conversions` has it). Only hits with consent count, and ids of a
day, which end at midnight, don't.
"""

from consumer.dead_letter_selection import sql_text
from deploy.audiences.definitions import Audience, Deed


def members_query(audience: Audience, at: int) -> str:
    """Return the query of columns person, visitor_id, user_id, email_hash, phone_hash.

    `at` is the time of the snapshot in seconds since 1970; what came later does not count.
    """
    return f"""
WITH
    users AS
    (
        SELECT user_id, argMax(visitor_id, received_at) AS visitor FROM hits
        WHERE site = {sql_text(audience.site)} AND user_id != '' AND isNotNull(visitor_id)
            AND consent = 'granted' AND visitor_kind != 'daily' AND received_at < {_time(at)}
        GROUP BY user_id
    ),
    known AS
    (
        SELECT
            one.received_at AS received_at, one.event AS event, one.path AS path,
            one.user_id AS user_id, one.email_hash AS email_hash, one.phone_hash AS phone_hash,
            if(isNotNull(one.visitor_id), one.visitor_id, users.visitor) AS visitor,
            if(isNotNull(visitor), toString(visitor), one.user_id) AS who
        FROM people_hits AS one LEFT JOIN users ON one.user_id = users.user_id
        WHERE site = {sql_text(audience.site)} AND consent = 'granted' AND visitor_kind != 'daily'
            AND received_at < {_time(at)} AND person != ''
            AND (received_at >= {_time(at)} - toIntervalDay({_days(audience)})
                OR email_hash != '' OR phone_hash != '')
    ),
    chosen AS ({_chosen(audience, at)})
SELECT
    who AS person,
    any(visitor) AS visitor_id,
    argMaxIf(user_id, received_at, user_id != '') AS user_id,
    argMaxIf(email_hash, received_at, email_hash != '') AS email_hash,
    argMaxIf(phone_hash, received_at, phone_hash != '') AS phone_hash
FROM known
WHERE who IN (SELECT person FROM chosen)
GROUP BY who"""  # noqa: S608 - our own names, texts as hexadecimal


def _chosen(audience: Audience, at: int) -> str:
    if audience.sql:
        query = audience.sql.strip().rstrip(";").replace("{at}", _time(at))
        return f"SELECT toString(person) AS person FROM ({query})"  # noqa: S608 - the operator's
    conditions = [f"{_count(deed, audience, at)} >= {deed.times}" for deed in audience.did]
    conditions += [f"{_count(deed, audience, at)} < {deed.times}" for deed in audience.did_not]
    having = " AND ".join(conditions)
    return f"SELECT who AS person FROM known GROUP BY who HAVING {having}"  # noqa: S608 - as above


def _count(deed: Deed, audience: Audience, at: int) -> str:
    event = deed.event or "PageView"
    parts = [f"event = {sql_text(event)}"]
    if deed.path.endswith("*"):
        parts.append(f"startsWith(path, {sql_text(deed.path[:-1])})")
    elif deed.path:
        parts.append(f"path = {sql_text(deed.path)}")
    days = deed.days or audience.days
    parts.append(f"received_at >= {_time(at)} - toIntervalDay({days})")
    return f"countIf({' AND '.join(parts)})"


def _days(audience: Audience) -> int:
    """Return how far back the deeds reach."""
    return max([audience.days, *(deed.days or 0 for deed in (*audience.did, *audience.did_not))])


def _time(at: int) -> str:
    return f"toDateTime({at}, 'UTC')"
