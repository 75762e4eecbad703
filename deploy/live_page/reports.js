// The reports of the chosen site and time: asked for in turn, shown as they come.

const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const LONG_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const METRICS = { visitors: "Visitors", page_views: "Page views", hits: "Hits" };

async function readReports() {
  if (!seen.any) return;
  const { signal } = stopReports;
  const { site } = chosen;
  const range = RANGES[chosen.range];
  const times = timesOf(range, seen.now);
  const of = (text) => ask(text, parametersOf(site, times), signal);
  seen.totals = totalsOf(await of(queries.totals(site)));
  const rows = await of(queries.series(site, range.step));
  seen.series = { rows: rows.map((row) => ({ bucket: Number(row.bucket), hits: Number(row.hits), page_views: Number(row.page_views), visitors: Number(row.visitors) })), times, range };
  showTiles(range);
  showSeries();
  showPages((await of(queries.pages(site))).map(numeric));
  showEmail((await of(queries.email(site))).map(numeric));
  showSites(await ask(queries.sites(), {}, signal));
  // Last what takes longest.
  seen.conversions = (await of(queries.conversions(site))).map(numeric);
  showTiles(range);
  showConversions(seen.conversions, range);
  showVisits((await of(queries.visits(site))).map(numeric));
  byId("asked").textContent = `Asked at ${new Date(seen.now * 1000).toISOString().slice(11, 19)}.`;
  say(range);
}

// Some servers quote long numbers.
const TEXTS = new Set(["host", "path", "channel", "campaign", "source", "medium", "event", "currency", "campaign_id"]);
function numeric(row) {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, TEXTS.has(name) ? value : Number(value)]));
}

function totalsOf(rows) {
  const none = { hits: 0, page_views: 0, visitors: 0 };
  const of = (flag) => ({ ...none, ...rows.map(numeric).find((row) => row.is_current === flag) });
  return { current: of(1), previous: of(0) };
}

function showTiles(range) {
  const { current, previous } = seen.totals;
  const made = Object.entries(METRICS).map(([metric, name]) => {
    const tile = tileOf("button", name, number(current[metric]), current[metric], previous[metric], range);
    tile.type = "button";
    tile.dataset.metric = metric;
    tile.setAttribute("aria-pressed", String(metric === chosen.metric));
    tile.addEventListener("click", () => choose({ metric }));
    return tile;
  });
  made.push(...conversionTiles(range));
  const focused = document.activeElement?.dataset?.metric;
  byId("tiles").replaceChildren(...made);
  if (focused) byId("tiles").querySelector(`[data-metric=${focused}]`).focus();
}

// The value is of the currency that most conversions had.
function conversionTiles(range) {
  const rows = seen.conversions;
  if (!rows) return ["Conversions", "Value"].map((name) => tileOf("div", name, "…", 0, 0, range));
  const sum = (name, of) => of.reduce((total, row) => total + row[name], 0);
  const currency = rows.find((row) => row.total)?.currency ?? rows.find((row) => row.total_before)?.currency;
  const priced = rows.filter((row) => row.currency === currency);
  const value = sum("total", priced);
  return [
    tileOf("div", "Conversions", number(sum("conversions", rows)), sum("conversions", rows), sum("conversions_before", rows), range),
    tileOf("div", "Value", currency === undefined ? "–" : money(value, currency), value, sum("total_before", priced), range),
  ];
}

function tileOf(tag, name, text, value, before, range) {
  return element(tag, "tile", element("span", "name", name), element("b", "", text), changeOf(value, before, range));
}

function changeOf(value, before, range) {
  if (!before) return element("span", "change", value ? `none ${range.days > 1 ? "in " : ""}${range.before}` : "–");
  const percent = Math.round((100 * (value - before)) / before);
  if (!percent) return element("span", "change", "as " + range.before);
  if (percent >= 900) return element("span", "change", `${number(Math.round(value / before))} times ${range.before}`);
  const arrow = element("span", "", percent > 0 ? "▲ " : "▼ ");
  arrow.setAttribute("aria-hidden", "true");
  const change = element("span", percent > 0 ? "up" : "down", arrow, `${Math.abs(percent).toLocaleString("en")} % ${percent > 0 ? "more" : "less"}`);
  return element("span", "change", change, " than " + range.before);
}

function showSites(rows) {
  const names = rows.map((row) => row.site);
  if (chosen.site !== "*" && !names.includes(chosen.site)) names.push(chosen.site);
  const select = byId("site");
  if (JSON.stringify(names) === select.dataset.names) return;
  select.dataset.names = JSON.stringify(names);
  select.replaceChildren(new Option("All sites", "*"), ...names.map((name) => new Option(name || "(without a site key)", name)));
  select.value = chosen.site;
}

// For those who hear the page: a sentence now and then, not every number.
function say(range) {
  if (performance.now() - seen.saidAt < SAID_MS) return;
  seen.saidAt = performance.now();
  const { visitors, page_views } = seen.totals.current;
  byId("said").textContent = `${range.title}: ${number(visitors)} visitors, ${number(page_views)} page views. ${number(seen.rate)} hits a second now.`;
}

// ---- The chart ----

const rangeChart = new Chart(byId("range-chart"), {
  label: "",
  axisX: "",
  axisY: "",
  height: 260,
  top: 4,
  range: (plot, low, high) => [low, high],
  axisValues: (plot, values) => values.map((one) => (seen.series.range.step === 3600 ? HOUR : DAY).format(one * 1000)),
  incrementsX: [3600, 7200, 10800, 14400, 21600, 43200, DAY_S, 2 * DAY_S, 5 * DAY_S, 7 * DAY_S, 10 * DAY_S],
  increments: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8],
  nameX: bucketName,
  series: [],
  value: (data, at, index) => data[at + 1][index],
});

function bucketName(seconds) {
  const { step } = seen.series.range;
  const soFar = seconds + step > seen.now ? " (so far)" : "";
  const format = step === 3600 ? HOUR : LONG_DAY;
  const end = step === 3600 ? " – " + HOUR.format((seconds + step) * 1000) : "";
  return format.format(seconds * 1000) + end + (seconds <= seen.now ? soFar : "");
}

function showSeries() {
  if (!seen.series) return;
  const { rows, times, range } = seen.series;
  const name = METRICS[chosen.metric];
  const step = range.step;
  const byBucket = new Map(rows.map((row) => [row.bucket, row[chosen.metric]]));
  const buckets = [];
  for (let at = times.since; at < times.end; at += step) buckets.push(at);
  const current = buckets.map((at) => (at < times.until ? byBucket.get(at) ?? 0 : null));
  const previous = buckets.map((at) => byBucket.get(at - times.shift) ?? 0);
  const kind = {
    label: `${name} by the ${step === 3600 ? "hour" : "day"}: ${range.current}, compared with ${range.previous}`,
    axisX: step === 3600 ? "Hour (UTC)" : "Day (UTC)",
    axisY: name,
    series: [
      { name: range.previous, colour: "other", dashed: true },
      { name: range.current, colour: "accent", fill: true },
    ],
  };
  const changed = kind.label !== rangeChart.kind.label;
  Object.assign(rangeChart.kind, kind);
  const sum = seen.totals ? `${number(seen.totals.current[chosen.metric])} in all.` : "";
  rangeChart.show([buckets, previous, current], sum);
  if (changed) rangeChart.draw();
}
