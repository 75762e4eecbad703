// The page: filters, what is asked when, and what is said of it. One small question a second for what
// is live, the reports every ten seconds (rarer if the store is slow), none while the page is
// hidden or paused.

const LIVE_MS = 1000;
const REPORT_MS = 10000;
const SLOW_TIMES = 4; // a question is asked again after four times as long as its answer took, at least
const SAID_MS = 30000;
const SECONDS_SHOWN = 120;
const SECONDS_LATE = 2; // the newest seconds are not whole in the store yet

const chosen = {
  site: address.get("site") ?? "*",
  range: address.get("range") in RANGES ? address.get("range") : "today",
  metric: "visitors",
  paused: false,
};
const seen = { now: 0, newest: 0, rate: 0, any: false, totals: null, series: null, conversions: null, saidAt: -Infinity };
let stopReports = new AbortController();

function byId(id) {
  return document.getElementById(id);
}

// ---- Live ----

const nowChart = new Chart(byId("now-chart"), {
  label: "Hits a second, the last two minutes",
  axisX: "Seconds ago",
  axisY: "Hits / s",
  height: 170,
  top: 4,
  incrementsX: [5, 10, 15, 20, 30, 60],
  increments: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000],
  range: () => [-SECONDS_SHOWN + 0.5, 0.5],
  axisValues: (plot, values) => values.map((one) => String(-one)),
  nameX: (x) => (x ? `${-x} s ago` : "now"),
  series: [{ name: "Bots and machines", colour: "other", bars: true }, { name: "People", colour: "accent", bars: true }],
  // The bars of people stand before those of all.
  value: (data, at, index) => (at ? data[2][index] : data[1][index] - data[2][index]),
});

async function readSeconds() {
  const rows = await ask(queries.seconds(chosen.site), parametersOf(chosen.site));
  const now = rows.length ? rows[0].now : Number((await ask(queries.now()))[0].now);
  seen.now = now;
  const end = now - SECONDS_LATE;
  const bySecond = new Map(rows.map((row) => [row.second, row]));
  const x = [], all = [], people = [];
  for (let ago = SECONDS_SHOWN - 1; ago >= 0; ago--) {
    const row = bySecond.get(end - ago);
    x.push(-ago);
    people.push(row ? Number(row.people) : 0);
    all.push(row ? Number(row.people) + Number(row.others) : 0);
  }
  seen.rate = all.slice(-10).reduce((sum, one) => sum + one, 0) / 10;
  byId("rate").textContent = number(seen.rate);
  const sum = all.reduce((total, one) => total + one, 0);
  nowChart.show([x, all, people], `${number(seen.rate)} a second now, ${number(sum)} in two minutes.`);
  return rows.length ? Number(rows[0].newest) : 0;
}

async function live() {
  const newest = await readSeconds();
  if (!seen.any) await lookForHits(newest > 0);
  if (seen.any && (newest > seen.newest || !seen.newest)) await readLast(newest);
}

async function lookForHits(already) {
  seen.any = already || (await ask(queries.any())).length > 0;
  byId("empty").hidden = seen.any;
  byId("numbers").hidden = !seen.any;
  if (seen.any) {
    nowChart.resize();
    reports.soon();
  }
}

// First the last hour's, and if these are few, the month's; then what has come since.
async function readLast(newest) {
  const site = chosen.site;
  const of = (age, stored) => ask(queries.last(site), { ...parametersOf(site), since: seen.now - age, stored });
  let rows = await of(3600, seen.newest);
  if (!seen.newest && rows.length < 50) rows = await of(30 * DAY_S, 0);
  if (site !== chosen.site) return;
  seen.newest = Math.max(newest, 1, ...rows.map((row) => Number(row.stored)));
  addHits(rows);
}

// ---- When ----

class Loop {
  constructor(task, ms) {
    this.task = task;
    this.ms = ms;
    this.timer = 0;
    this.running = false;
    this.again = false;
  }

  soon() {
    clearTimeout(this.timer);
    this.again = this.running;
    if (!this.running) this.run();
  }

  stop() {
    clearTimeout(this.timer);
  }

  async run() {
    this.running = true;
    const began = performance.now();
    try {
      await this.task();
      recovered(this);
    } catch (error) {
      if (error.name !== "AbortError") troubled(this, error);
    }
    this.running = false;
    const again = this.again;
    this.again = false;
    if (!isAwake()) return;
    const took = performance.now() - began;
    this.timer = setTimeout(() => this.run(), again ? 0 : Math.max(this.ms, took * SLOW_TIMES));
  }
}

const liveLoop = new Loop(live, LIVE_MS);
const reports = new Loop(readReports, REPORT_MS);
const troubles = new Map();

function isAwake() {
  return !chosen.paused && document.visibilityState === "visible";
}

function wake() {
  if (isAwake()) {
    liveLoop.soon();
    reports.soon();
  } else {
    liveLoop.stop();
    reports.stop();
  }
  showState();
}

function recovered(loop) {
  if (troubles.delete(loop) || byId("state").dataset.state === "wait") showState();
  if (!troubles.size) byId("trouble").hidden = true;
}

function troubled(loop, error) {
  troubles.set(loop, error);
  const text = error instanceof Trouble ? error : new Trouble("The page made a mistake", "Please report it.", String(error.stack ?? error));
  byId("trouble").hidden = false;
  setText("trouble-title", text.message);
  setText("trouble-text", text.advice);
  setText("trouble-detail", text.detail);
  showState();
}

// An alert is said again when its text is written again, so only changes are.
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function showState() {
  const [state, text] = troubles.size ? ["bad", "No numbers"] : chosen.paused ? ["wait", "Paused"] : ["live", "Live"];
  byId("state").dataset.state = state;
  setText("state", text);
}

// ---- What people choose ----

function choose(change) {
  Object.assign(chosen, change);
  if ("metric" in change) {
    showTiles(seen.series?.range ?? RANGES[chosen.range]);
    showSeries();
    return;
  }
  if ("site" in change) {
    forgetHits();
    seen.newest = 0;
  }
  seen.conversions = null;
  setText("range-title", RANGES[chosen.range].title);
  if (chosen.site === "*") address.delete("site");
  else address.set("site", chosen.site);
  address.set("range", chosen.range);
  history.replaceState(null, "", "?" + address);
  seen.saidAt = -Infinity;
  stopReports.abort();
  stopReports = new AbortController();
  reports.soon();
  if ("site" in change) liveLoop.soon();
}

const THEMES = ["auto", "light", "dark"];
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function setTheme(theme) {
  const dark = theme === "dark" || (theme === "auto" && prefersDark.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").textContent = "Theme: " + theme;
  byId("theme").dataset.theme = theme;
  nowChart.draw();
  rangeChart.draw();
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(byId("theme").dataset.theme) + 1) % THEMES.length];
  try {
    localStorage.setItem("heliograph theme", theme);
  } catch { /* then it holds until the page is closed */ }
  setTheme(theme);
}

function useServer(form) {
  const given = Object.fromEntries(new FormData(form));
  keepCredentials(given.url, given.user, given.password);
  const next = new URLSearchParams(address);
  next.set("url", given.url);
  if (given.database) next.set("database", given.database);
  else next.delete("database");
  location.search = "?" + next; // anew, since the page's policy names the server
}

function begin() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("site").append(...(chosen.site === "*" ? [] : [new Option(chosen.site, chosen.site, true, true)]));
  byId("site").addEventListener("change", (event) => choose({ site: event.target.value }));
  for (const radio of document.querySelectorAll("input[name=range]")) {
    radio.checked = radio.value === chosen.range;
    radio.addEventListener("change", () => choose({ range: radio.value }));
  }
  byId("pause").addEventListener("click", () => {
    chosen.paused = !chosen.paused;
    byId("pause").setAttribute("aria-pressed", String(chosen.paused));
    wake();
  });
  byId("theme").addEventListener("click", nextTheme);
  prefersDark.addEventListener("change", () => setTheme(byId("theme").dataset.theme));
  const dialog = byId("server-dialog"), form = byId("server-form");
  byId("server").addEventListener("click", () => {
    for (const name of ["url", "database", "user", "password"]) form.elements[name].value = server[name] ?? "";
    dialog.showModal();
  });
  byId("server-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    useServer(form);
  });
  fillEmpty();
  setTheme(THEMES.includes(kept("heliograph theme")) ? kept("heliograph theme") : "auto");
  setText("range-title", RANGES[chosen.range].title);
  document.addEventListener("visibilitychange", wake);
  wake();
}

function fillEmpty() {
  const collector = pageSettings.collectorUrl;
  const start = element("a", "", collector ? collector + "/start" : "the collector's page /start");
  if (collector) start.href = collector + "/start";
  byId("empty-start").append("open ", start, ", which has buttons for each kind of hit;");
  byId("empty-snippet").textContent = `<img src="${collector || "https://COLLECTOR"}/p.gif?e=PageView" width="1" height="1" alt="">`;
}

begin();
