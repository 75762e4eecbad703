// ClickHouse over its HTTP interface: which server, as whom, one question, errors in words.
// Name and password are kept in this tab and under the origin they were given for, so no link to
// this page can have them sent elsewhere. Knows nothing of what is asked.

const pageSettings = JSON.parse(document.getElementById("settings").textContent);
const address = new URLSearchParams(location.search);
const server = serverOf(address);
const ASK_MS_MAX = 30000;

function serverOf(parameters) {
  let url = location.protocol === "file:" ? "http://127.0.0.1:8123" : location.origin;
  try {
    const given = new URL(parameters.get("url") ?? pageSettings.storeUrl);
    if (/^https?:$/.test(given.protocol)) url = given.origin + given.pathname.replace(/\/$/, "");
  } catch { /* none given, or none that can be asked: the page's own */ }
  const database = parameters.get("database") ?? pageSettings.database;
  return { url, database, foreign: new URL(url).origin !== location.origin, ...credentials(url) };
}

function credentials(url) {
  try {
    return JSON.parse(sessionStorage.getItem("heliograph " + new URL(url).origin)) ?? {};
  } catch {
    return {};
  }
}

function keepCredentials(url, user, password) {
  sessionStorage.setItem("heliograph " + new URL(url).origin, JSON.stringify({ user, password }));
}

// What went wrong, in words: what it is, what to do, and what the server said.
class Trouble extends Error {
  constructor(title, advice, detail) {
    super(title);
    this.advice = advice;
    this.detail = detail;
  }
}

// Ask one question and return its rows; `parameters` go beside the text, never into it.
async function ask(text, parameters = {}, signal = null) {
  const url = new URL(server.url + "/");
  url.searchParams.set("default_format", "JSON");
  if (server.database) url.searchParams.set("database", server.database);
  if (server.foreign) url.searchParams.set("add_http_cors_header", "1");
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set("param_" + name, value);
  const headers = {};
  if (server.user) {
    headers["X-ClickHouse-User"] = server.user;
    headers["X-ClickHouse-Key"] = server.password ?? "";
  }
  const limit = AbortSignal.timeout(ASK_MS_MAX);
  let answer, body;
  try {
    const both = signal ? AbortSignal.any([signal, limit]) : limit;
    answer = await fetch(url, { method: "POST", body: text, headers, signal: both });
    body = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw limit.aborted ? slow() : away(error);
  }
  if (!answer.ok) throw refused(answer, body);
  try {
    return JSON.parse(body).data;
  } catch {
    throw new Trouble("This is not ClickHouse's answer", "Look at the address under Server.", body.slice(0, 300));
  }
}

function away(error) {
  const advice = server.foreign
    ? "Under Server: is the address right, and are user and password? Does the server run, and does it let pages of this origin read (docs/live-page.md)?"
    : "Is heliograph run still running? The page goes on by itself when the store is back.";
  return new Trouble("The store does not answer", advice, `${server.url}: ${error.message}`);
}

function slow() {
  const seconds = ASK_MS_MAX / 1000;
  return new Trouble(`No answer within ${seconds} seconds`, "Choose a shorter time or one site; the page tries again by itself.", server.url);
}

function refused(answer, body) {
  const code = Number(answer.headers.get("X-ClickHouse-Exception-Code") ?? /Code: (\d+)/.exec(body)?.[1]);
  const detail = body.trim().slice(0, 400);
  const [title, advice] = reasons(code, body);
  return new Trouble(title, advice, detail);
}

// The embedded store says 497 of READ ON FILE where a server says 60 (docs/store.md).
function reasons(code, body) {
  if (code === 60 || code === 81 || (code === 497 && body.includes("READ ON FILE"))) {
    return ["The tables are not there yet", "The consumer makes them when it starts, or heliograph migrate does. Is the database under Server the right one?"];
  }
  if ([192, 193, 194, 516].includes(code)) {
    return ["The store does not know this user and password", "Open Server and give the name and password of a user that may read."];
  }
  if (code === 497 || code === 164) {
    return ["The store does not let this page read", "Open Server and give a user that may SELECT; of the embedded store, add this page's origin to store.origins_allowed."];
  }
  if (code === 202) {
    return ["The store has too many queries at once", "The page tries again by itself."];
  }
  if ([159, 241, 307, 158].includes(code)) {
    return ["The question was too much for the store's limits", "Choose a shorter time or one site."];
  }
  if (code === 47 || code === 46) {
    return ["The tables are of another version", "heliograph migrate brings them up to date."];
  }
  return ["The store refused a question", "What it said is below; the page tries again by itself."];
}
