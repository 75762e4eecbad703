"""The dashboard of audiences: their sizes over time, what they share; never who is in one."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, bars, lines, numbers, rows

_CHOSEN = "{sites} AND $__conditionalAll(audience IN (${audience:singlequote}), $audience)"
_SNAPSHOTS = f"$__timeFilter(snapshot_at) AND {_CHOSEN}"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "Sizes of audiences by snapshot; of people who consented."
    built = frame.frame("audiences", "audiences", about, since="now-30d", refresh="5m")
    built.with_variable(frame.site())
    audiences = "SELECT DISTINCT audience FROM audience_sizes ORDER BY audience"
    built.with_variable(frame.choice("audience", "Audience", audiences))
    return frame.with_panels(built, _panels())


def _panels() -> list[Panel]:
    return [
        numbers(
            "Audiences now",
            "SELECT uniqExact(audience) AS audiences, uniqExact(person) AS people, "
            "uniqExactIf(person, email_hash != '') AS people_with_email "
            f"FROM audience_newest WHERE {_CHOSEN}",
            "By each audience's newest snapshot; a person in two audiences counts once.",
        ),
        lines(
            "Size over time",
            "SELECT snapshot_at AS time, audience, max(members) AS value FROM audience_sizes "
            f"WHERE {_SNAPSHOTS} GROUP BY time, audience ORDER BY time, audience",
            "Members by snapshot.",
        ),
        lines(
            "With an email address",
            "SELECT snapshot_at AS time, audience, max(with_email) AS value FROM audience_sizes "
            f"WHERE {_SNAPSHOTS} GROUP BY time, audience ORDER BY time, audience",
            "Members whose hashed address is known: those an ad network can match.",
        ),
        rows(
            "Each audience",
            "SELECT audience, site, argMax(sizes.members, snapshot_at) AS members, "
            "members - argMin(sizes.members, snapshot_at) AS change, "
            "argMax(sizes.with_email, snapshot_at) AS with_email, max(snapshot_at) AS newest, "
            "argMax(sizes.definition, snapshot_at) AS defined "
            f"FROM audience_sizes AS sizes WHERE {_SNAPSHOTS} "
            "GROUP BY audience, site ORDER BY members DESC, audience, site",
            "The newest snapshot of the range; `change` is since the first one.",
            width=16,
            links={"audience": ("This audience alone", frame.leads_to(
                "audiences", site="${__data.fields.site}", audience="${__value.raw}"))},
        ),
        bars(
            "Shared members",
            "SELECT concat(pair.1, ', ', pair.2) AS audiences, count() AS people "
            "FROM (SELECT arraySort(groupUniqArray(toString(audience))) AS names, "
            "arrayJoin(arrayFlatten(arrayMap(i -> arrayMap(x -> (names[i], x), "
            "arraySlice(names, i + 1)), arrayEnumerate(names)))) AS pair "
            f"FROM audience_newest WHERE {_CHOSEN} GROUP BY site, person) "
            "GROUP BY audiences ORDER BY people DESC, audiences LIMIT 20",
            "People who are in both of two audiences now.",
            width=8,
        ),
    ]  # fmt: skip
