// The panels below the charts: tables and tiles from rows of the store. Texts enter the page by
// textContent only, never as markup. Knows nothing of where rows come from.

// columns: [{name, text(row), sub(row), number, wide}]; the first names its row.
function table(holder, { columns, rows, share, none, about = [] }) {
  let content = holder.querySelector(":scope > .content");
  if (!content) {
    content = element("div", "content");
    holder.append(content);
  }
  if (!rows.length) {
    content.replaceChildren(element("p", "note", none));
    return;
  }
  const most = Math.max(1, ...rows.map((row) => share?.(row) ?? 0));
  const head = element("thead", "", element("tr", "", ...columns.map(headOf)));
  const body = element("tbody", "", ...rows.map((row) => tableRow(columns, row, share ? share(row) / most : 0)));
  const made = element("table", "", head, body);
  made.setAttribute("aria-labelledby", holder.getAttribute("aria-labelledby"));
  const scroll = element("div", "scroll", made);
  content.replaceChildren(scroll, ...(about.length ? [element("p", "note", ...about)] : []));
}

function headOf(column) {
  const made = header(column.name, column.number, column.wide);
  if (column.mark) made.prepend(element("i", "mark-of wide " + column.mark));
  return made;
}

function tableRow(columns, row, part) {
  return element("tr", "", ...columns.map((one, at) => {
    const made = element(at ? "td" : "th", [one.number ? "number" : "", one.wide ? "wide" : "", at ? "" : "bar"].join(" ").trim());
    if (!at) {
      made.scope = "row";
      made.style.setProperty("--share", (part * 100).toFixed(1) + "%");
    }
    made.append(one.text(row));
    const sub = one.sub?.(row);
    if (sub) made.append(" ", element("span", "sub", sub));
    return made;
  }));
}

function showPages(rows) {
  table(byId("pages"), {
    rows,
    share: (row) => row.page_views,
    none: "No page views in this time.",
    columns: [
      { name: "Page", text: (row) => row.path || "/", sub: (row) => row.host },
      { name: "Page views", number: true, text: (row) => number(row.page_views) },
      { name: "Visitors", number: true, text: (row) => number(row.visitors) },
    ],
  });
}

function showVisits(rows) {
  const bounced = { name: "Bounced", number: true, text: (row) => Math.round((100 * row.bounces) / row.visits) + " %" };
  const visits = { name: "Visits", number: true, text: (row) => number(row.visits) };
  table(byId("channels"), {
    rows: rows.filter((row) => row.of_channel),
    share: (row) => row.visits,
    none: "No visits in this time.",
    columns: [{ name: "Channel", text: (row) => row.channel || "Unknown" }, visits, bounced],
  });
  table(byId("campaigns"), {
    rows: rows.filter((row) => !row.of_channel),
    share: (row) => row.visits,
    none: "No visits with utm_campaign in this time.",
    columns: [{ name: "Campaign", text: (row) => row.campaign, sub: (row) => [row.source, row.medium].filter(Boolean).join(" / ") }, visits, bounced],
  });
}

function showConversions(rows, range) {
  const found = rows.filter((row) => row.conversions);
  table(byId("conversions"), {
    rows: found,
    share: (row) => row.conversions,
    none: "No conversions in this time.",
    columns: [
      { name: "Event", text: (row) => row.event, sub: (row) => row.currency },
      { name: "Conversions", number: true, text: (row) => number(row.conversions) },
      { name: "Value", number: true, text: (row) => (row.total ? money(row.total, row.currency) : "–") },
      { name: "Before", number: true, wide: true, text: (row) => number(row.conversions_before) },
    ],
    about: found.length
      ? [element("span", "wide", `“Before” is ${range.before}. `), "One conversion reported by browser and server is one."] : [],
  });
}

function showEmail(rows) {
  table(byId("email"), {
    rows,
    none: "No email in this time. Give the pixel of a mail its cid (campaign), mid (message) and rid (recipient).",
    columns: [
      { name: "Campaign", text: (row) => row.campaign_id },
      { name: "Sent", number: true, wide: true, text: (row) => number(row.all_sent) },
      { name: "Opens by people", mark: "human", number: true, text: (row) => number(row.human) },
      { name: "by machines", mark: "machine", number: true, text: (row) => number(row.machine) },
      { name: "unknown", mark: "unknown", number: true, text: (row) => number(row.unknown) },
      { name: "Clicks", number: true, text: (row) => number(row.all_clicks) },
      { name: "Shares of opens", wide: true, text: opensBar },
    ],
    about: ["Opens are counted by who loaded the image: a person, a mail provider's machine, or nobody knows."],
  });
}

function opensBar(row) {
  const parts = { human: row.human, machine: row.machine, unknown: row.unknown };
  const made = element("span", "opens", ...Object.entries(parts).filter(([, count]) => count).map(([kind, count]) => {
    const part = element("i", kind);
    part.style.setProperty("--part", count);
    return part;
  }));
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", `people ${row.human}, machines ${row.machine}, unknown ${row.unknown}`);
  return made;
}

// ---- The last hits ----

const LAST_COLUMNS = [["Time"], ["Event"], ["Page"], ["Channel", false, true], ["Device", false, true], ["Who"], ["Value", true, true]];
let lastHits = [];

function forgetHits() {
  lastHits = [];
}

function addHits(rows) {
  const first = !lastHits.length;
  const known = new Set(lastHits.map((one) => one.hit));
  const added = rows.filter((one) => !known.has(one.hit));
  for (const one of added) one.row = hitRow(one, !first);
  lastHits = [...added, ...lastHits].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, 50);
  showHits();
}

function showHits() {
  const holder = byId("last");
  let content = holder.querySelector(":scope > .content");
  if (!content) {
    content = element("div", "content");
    holder.append(content);
  }
  if (!lastHits.length) {
    content.replaceChildren(element("p", "note", "No hits of this site in the last 30 days."));
    return;
  }
  let body = content.querySelector("tbody");
  if (!body) {
    body = element("tbody");
    const made = element("table", "", element("thead", "", element("tr", "", ...LAST_COLUMNS.map((one) => header(...one)))), body);
    made.setAttribute("aria-labelledby", "last-title");
    const scroll = element("div", "scroll last", made);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "The newest first");
    content.replaceChildren(scroll);
  }
  body.replaceChildren(...lastHits.map((one) => one.row));
}

function hitRow(hit, isNew) {
  const event = element("td", "", hit.event, " ", element("span", "sub", hit.endpoint));
  const page = element("td", "", hit.host ? hit.path || "/" : hit.campaign_id || "–", " ", element("span", "sub", hit.host || hit.site));
  const value = hit.value === null ? "" : money(Number(hit.value), hit.currency);
  const row = element(
    "tr", [isNew ? "new" : "", hit.who === "person" ? "" : "not-person"].join(" ").trim(),
    element("td", "time", timeOf(hit.at)), event, page, element("td", "wide", hit.channel),
    element("td", "wide", hit.device_type), element("td", "", hit.who), element("td", "number wide", value),
  );
  return row;
}

function timeOf(at) {
  const today = new Date().toISOString().slice(0, 10);
  return at.startsWith(today) ? at.slice(11, 19) : at.slice(5, 16);
}
