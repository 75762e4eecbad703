"use strict";
// The start page: fires real hits, lists each request with its answer, waits for its row.
// Texts enter the page through textContent only, never as markup.

const settings = JSON.parse(byId("settings").textContent);
const pixelUrl = location.origin + settings.pixelPath;
const beaconUrl = location.origin + settings.beaconPath;
const POLL_MS = 1000;
const POLL_WAITING_MS = 100; // while a hit of this page has no row: the wait is what is shown
const WAIT_MS_MAX = 30000;
const SENT_MAX = 8;
const ROWS_MAX = 10;

// Hits fired here, by event id: when the answer came, when the row was seen, the list entry.
const fired = new Map();

function byId(id) {
  return document.getElementById(id);
}

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...content);
  return made;
}

function say(text) {
  byId("said").textContent = text;
}

// ---- Firing ----

const EVENTS = {
  view: { e: "PageView" },
  conversion: { e: "Purchase" },
  retargeting: { e: "ViewProduct" },
  email: { e: "Open" },
  beacon: { e: "AddToCart", p: { sku: "A-1", page: "start" } },
  fetch: { e: "Signup", p: { plan: "free" } },
};
const WAYS = {
  view: fireImage, conversion: fireImage, retargeting: fireImage, email: fireImage,
  beacon: fireBeacon, fetch: fireFetch,
};

function eventOf(form) {
  const event = { ...EVENTS[form.dataset.kind], site: byId("site").value, r: document.referrer };
  for (const [name, value] of new FormData(form)) event[name] = value;
  const consent = document.querySelector("input[name=consent]:checked").value;
  if (consent) event.consent = consent;
  event.eid = newEid();
  for (const name of Object.keys(event)) if (event[name] === "") delete event[name];
  return event;
}

function newEid() {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return "start-" + random[0].toString(36) + random[1].toString(36);
}

async function fire(form) {
  const event = eventOf(form);
  const hit = { name: event.e, rowAfterMs: null };
  fired.set(event.eid, hit);
  const began = performance.now();
  const answer = await WAYS[form.dataset.kind](event, hit);
  hit.answeredAt = answer.at ?? performance.now();
  const took = hit.answeredAt - began;
  hit.answer.textContent = answer.text + (answer.unseen ? "" : " in " + milliseconds(took));
  hit.answer.className = answer.good ? "good" : "bad";
  say(event.e + ": " + hit.answer.textContent + ".");
  if (!answer.good) fired.delete(event.eid);
  else if (settings.storeUrl) hit.row.textContent = "waiting for its row …";
  soon();
}

function list(method, url, body, hit) {
  hit.answer = element("span", "", "…");
  hit.row = element("span", "");
  const request = element("div", "request mono", element("b", "", method), " " + url.slice(location.origin.length));
  const entry = element("li", "", request);
  if (body) entry.append(element("div", "request mono", body));
  entry.append(element("div", "facts", hit.answer, hit.row));
  const sent = byId("sent");
  sent.querySelector(".empty")?.remove();
  sent.prepend(entry);
  while (sent.children.length > SENT_MAX) sent.lastElementChild.remove();
}

function fireImage(event, hit) {
  const url = pixelUrl + "?" + new URLSearchParams(event);
  list("GET", url, "", hit);
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve({ good: true, text: "200, a GIF of " + image.width + "×" + image.height });
    image.onerror = () => resolve({ good: false, text: "no image came back" });
    image.src = url;
  });
}

// Browsers hide a beacon's answer from the script, but some tell its status in the timings.
async function fireBeacon(event, hit) {
  const body = JSON.stringify({ ...event, u: location.href });
  list("POST", beaconUrl, body, hit);
  const timing = nextTiming("beacon");
  if (!navigator.sendBeacon(beaconUrl, body)) return { good: false, text: "the browser refused to queue it" };
  const entry = await timing;
  const status = entry?.responseStatus;
  if (!status) return { good: true, unseen: true, text: "queued; a page can't see a beacon's answer" };
  return { good: status < 300, unseen: true, at: entry.responseEnd, text: status + " in " + milliseconds(entry.duration) };
}

function nextTiming(initiator) {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((found) => {
      const entry = found.getEntries().find((one) => one.initiatorType === initiator);
      if (entry) finish(entry);
    });
    const timer = setTimeout(() => finish(null), 2000);
    function finish(entry) {
      clearTimeout(timer);
      observer.disconnect();
      resolve(entry);
    }
    observer.observe({ type: "resource" });
  });
}

async function fireFetch(event, hit) {
  const body = JSON.stringify({ ...event, u: location.href });
  list("POST", beaconUrl, body, hit);
  try {
    const answer = await fetch(beaconUrl, { method: "POST", body, keepalive: true, credentials: "include" });
    const words = answer.status === 204 ? "204, kept" : answer.status + " " + (await answer.text()).trim();
    return { good: answer.ok, text: words };
  } catch (error) {
    return { good: false, text: "no answer: " + error.message };
  }
}

function milliseconds(ms) {
  return (ms < 10 ? ms.toFixed(1) : Math.round(ms)) + " ms";
}

// ---- Rows ----

let timer = 0;

function waiting() {
  const now = performance.now();
  return [...fired].filter(([, hit]) => hit.answeredAt && hit.rowAfterMs === null && now - hit.answeredAt < WAIT_MS_MAX);
}

function soon(ms = waiting().length ? POLL_WAITING_MS : POLL_MS) {
  clearTimeout(timer);
  if (settings.storeUrl) timer = setTimeout(poll, ms);
}

// The rows waited for come first, so that other traffic can't push them off the list.
const QUERY = `
  SELECT toString(id) AS id, formatDateTime(received_at, '%H:%i:%S') AS received, event, endpoint, url,
         toString(value) AS value, currency, toString(visitor_id) AS visitor,
         replaceOne(toString(ip), '::ffff:', '') AS ip, consent, consent_source AS source, event_id,
         link_url, opened_by, opened_by_reason
  FROM hits
  WHERE received_at > now64(3) - INTERVAL 15 MINUTE
  ORDER BY has({eids:Array(String)}, event_id) DESC, received_at DESC
  LIMIT 20
  FORMAT JSON`;

function queryUrl() {
  const url = new URL(settings.storeUrl);
  const eids = waiting().map(([eid]) => "'" + eid + "'");
  if (!url.searchParams.has("user")) url.searchParams.set("user", "reader");
  url.searchParams.set("add_http_cors_header", "1");
  url.searchParams.set("param_eids", "[" + eids.join(",") + "]");
  url.searchParams.set("query", QUERY.replace(/\s+/g, " ").trim());
  return url;
}

async function poll() {
  if (document.hidden) return;
  let trouble = "";
  try {
    const answer = await fetch(queryUrl(), { signal: AbortSignal.timeout(5000), credentials: "omit" });
    if (answer.ok) show((await answer.json()).data);
    else trouble = "The store answered " + answer.status + ": " + (await answer.text()).slice(0, 300);
  } catch (error) {
    trouble =
      "Can't read the rows from " + settings.storeUrl + " (" + error.message + "). The hits are kept all the same. " +
      "The store may not run, this browser may not reach it, or it does not let pages of " + location.origin +
      " read (store.origins_allowed), or reading takes a password.";
  }
  const notice = byId("store-trouble");
  if (notice.textContent !== trouble) notice.textContent = trouble;
  notice.hidden = !trouble;
  soon(trouble ? 2 * POLL_MS : undefined);
}

let shown = null;

function show(rows) {
  const now = performance.now();
  let found = false;
  for (const row of rows) {
    const hit = fired.get(row.event_id);
    if (!hit || hit.rowAfterMs !== null || !hit.answeredAt) continue;
    found = true;
    hit.rowAfterMs = now - hit.answeredAt;
    hit.row.textContent = "a row in ClickHouse " + milliseconds(hit.rowAfterMs) + " later";
    hit.row.className = "good";
    say(hit.name + ": " + hit.answer.textContent + "; a row " + milliseconds(hit.rowAfterMs) + " later.");
  }
  for (const [, hit] of fired) {
    if (hit.rowAfterMs === null && now - hit.answeredAt >= WAIT_MS_MAX) hit.row.textContent = "no row yet: is the consumer running?";
  }
  const latest = rows.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, ROWS_MAX);
  const ids = latest.map((row) => row.id);
  if (!latest.length || (!found && ids.join() === shown?.join())) return;
  byId("rows").replaceChildren(...latest.map((row) => tableRow(row, shown && !shown.includes(row.id))));
  shown = ids;
}

function tableRow(row, isNew) {
  const hit = fired.get(row.event_id);
  const line = element("tr", (hit ? "own " : "") + (isNew ? "arrived" : ""));
  const address = row.link_url || row.url;
  const page = cell((row.link_url ? "→ " : "") + address.replace(/^https?:\/\//, ""), "page");
  page.title = address;
  const how = cell(row.endpoint + (row.opened_by ? " · " + row.opened_by : ""));
  if (row.opened_by) how.title = "by the rule " + row.opened_by_reason;
  line.append(
    cell(row.received, "mono"), cell(row.event), how, page,
    cell(row.value === null ? "" : Number(row.value) + " " + row.currency, "number"),
    cell(row.visitor ? row.visitor.slice(0, 8) : "–", "mono"), cell(row.ip, "mono"),
    cell(row.consent + " · " + row.source),
    cell(hit?.rowAfterMs ? milliseconds(hit.rowAfterMs) : "", "number"),
  );
  return line;
}

function cell(text, className = "") {
  return element("td", className, text);
}

// ---- Snippets ----

let asked = 0;

// They are made by the collector, which makes them for the command line too.
async function showSnippets() {
  const number = ++asked;
  const query = new URLSearchParams({ origin: location.origin, site: byId("site").value });
  const notice = byId("snippets-trouble");
  try {
    const answer = await fetch("/start/snippets?" + query);
    if (!answer.ok) throw new Error("status " + answer.status);
    const made = await answer.json();
    if (number !== asked) return; // another letter of the site's key was typed since
    const cards = made.map((one) => copyable(one.title, one.about, one.text));
    if (settings.storeUrl) cards.push(copyable("SQL", "Ask the store.", storeCommand()));
    byId("snippets").replaceChildren(...cards);
    notice.hidden = true;
  } catch (error) {
    notice.textContent = "The collector did not make the snippets (" + error.message + "): is it running?";
    notice.hidden = false;
  }
}

function storeCommand() {
  const query = "SELECT event, count() FROM hits GROUP BY event FORMAT PrettyCompact";
  return `curl ${shell(new URL(settings.storeUrl).href)} \\\n  --data-binary ${shell(query)}`;
}

function shell(text) {
  return "'" + text.replace(/'/g, "'\\''") + "'";
}

function copyable(title, about, text, ...more) {
  const code = element("code", "", text);
  const button = element("button", "quiet", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", "Copy: " + title);
  button.addEventListener("click", () => copy(text, code, button));
  const pre = element("pre", "", code);
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", title);
  return element("article", "snippet", element("header", "", element("h3", "", title), button), element("p", "", about), ...more, pre);
}

async function copy(text, code, button) {
  try {
    await navigator.clipboard.writeText(text); // only on https and this machine
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

// ---- Links ----

// Whoever started Heliograph has it in the address that was printed. It is taken out of the address,
// which the hits of this page name.
function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    sessionStorage.setItem("key", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem("key") || "";
}

const key = takeKey();

async function makeLink(form) {
  const { to, days, ...described } = Object.fromEntries(new FormData(form));
  const eid = newEid();
  const consent = document.querySelector("input[name=consent]:checked").value;
  if (consent) described.consent = consent;
  const body = { origin: location.origin, to, site: byId("site").value, days: Number(days), described: { ...described, eid } };
  const said = byId("link-said");
  try {
    const answer = await fetch("/start/link", { method: "POST", body: JSON.stringify(body), headers: { Authorization: "Bearer " + key } });
    const made = await answer.json();
    if (!answer.ok) throw new Error(made.error);
    showLink(made, eid);
    said.textContent = made.link
      ? "Made. It counts its clicks: follow it and watch the row arrive."
      : "Only the direct one: to sign links here, open the address that “heliograph run” printed. It has this page's key. Or sign in a terminal.";
  } catch (error) {
    byId("link-made").hidden = true;
    said.textContent = "No link was made: " + error.message + ".";
  }
}

function showLink(made, eid) {
  const cards = [];
  if (made.link) {
    const follow = element("a", "", "Follow it");
    Object.assign(follow, { href: made.link, target: "_blank", rel: "noopener" });
    follow.addEventListener("click", () => waitForClick(eid, made.link));
    cards.push(copyable("Signed link", "Through this collector, then on.", made.link, element("p", "", follow)));
  }
  cards.push(copyable("Direct link", "With its UTM parameters, and no click counted.", made.direct));
  if (made.qr) cards.push(qrCard(made.qr));
  else if (!made.link) cards.push(copyable("In a terminal", "Where the collector's keys are.", linkCommand()));
  byId("link-made").replaceChildren(...cards);
  byId("link-made").hidden = false;
}

function qrCard(source) {
  const image = element("img", "qr");
  Object.assign(image, { src: source, alt: "The signed link as a QR code", width: 176, height: 176 });
  const save = element("a", "", "Save as SVG");
  Object.assign(save, { href: source, download: "link.svg" });
  return element("article", "snippet", element("header", "", element("h3", "", "QR code"), save), image);
}

function linkCommand() {
  const form = new FormData(byId("link-form"));
  const words = ["heliograph link --to", shell(form.get("to"))];
  for (const name of ["utm_source", "utm_medium", "utm_campaign", "cid"]) {
    if (form.get(name)) words.push("--" + name.replace("_", "-"), shell(form.get(name)));
  }
  return words.join(" ");
}

// The click is made by another tab; here only its row is waited for.
function waitForClick(eid, link) {
  const hit = { name: "Click", rowAfterMs: null };
  list("GET", link, "", hit);
  hit.answer.textContent = "followed in another tab";
  if (settings.storeUrl) hit.row.textContent = "waiting for its row …";
  hit.answeredAt = performance.now();
  fired.set(eid, hit);
  soon();
}

// ---- Beginning ----

function explainConsent() {
  const consent = document.querySelector("input[name=consent]:checked").value || settings.consentDefault;
  const denied = navigator.globalPrivacyControl || consent === "denied";
  const why = navigator.globalPrivacyControl ? "This browser sends Sec-GPC, which counts as no. " : "";
  byId("consent-note").textContent = why + (denied
    ? "No cookie is set, the IP address is cut, and who it was is dropped before anything is written."
    : `The cookie “${settings.cookieName}” names the visitor, and the IP address is kept whole.`);
}

for (const form of document.querySelectorAll("form[data-kind]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fire(form);
  });
}
for (const choice of document.querySelectorAll("input[name=consent]")) choice.addEventListener("change", explainConsent);
byId("site").addEventListener("input", showSnippets);
byId("link-form").elements.to.value = location.origin + "/start";
byId("link-form").addEventListener("submit", (event) => {
  event.preventDefault();
  makeLink(event.target);
});
document.addEventListener("visibilitychange", () => document.hidden || soon(0));
byId("rows-section").hidden = !settings.storeUrl;
explainConsent();
showSnippets();
soon(0);
