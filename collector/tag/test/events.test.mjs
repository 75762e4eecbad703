// What a page says, and what the collector is told.
import assert from "node:assert/strict";
import test from "node:test";
import { Element, names, Page } from "./browser.mjs";

test("the stub's calls are one request, the view first", async () => {
  const page = new Page({ referrer: "https://search.example/", url: "https://shop.example/a?b=c#d" });
  page.load(["init", "shop"], ["track", "Purchase", { value: 49.99, currency: "USD", plan: "pro", url: "/x" }]);
  assert.deepEqual(page.requests, []);
  await page.pass();
  const [[url, options, [view, purchase]]] = page.requests;
  assert.equal(url, "https://pixel.example/p");
  assert.equal(options.method, "POST");
  assert.equal(options.credentials, "include");
  assert.equal(options.keepalive, true);
  assert.deepEqual(Object.keys(options).sort(), ["body", "credentials", "keepalive", "method"], "no preflight");
  assert.match(view.eid, /^[0-9a-z]{12,28}$/);
  assert.notEqual(view.eid, purchase.eid);
  const common = { site: "shop", ts: page.now - 1000 };
  assert.deepEqual(view, {
    e: "PageView", u: "https://shop.example/a?b=c", r: "https://search.example/", eid: view.eid, ...common,
  });
  assert.deepEqual(purchase, {
    e: "Purchase", u: "/x", r: "https://search.example/", v: 49.99, c: "USD", p: { plan: "pro" },
    eid: purchase.eid, ...common,
  });
});

test("calls before init wait for it, and a second init is none", async () => {
  const page = new Page().load(["consent", "denied"], ["track", "A"]);
  page.hg("track", "B", { eid: "own" });
  await page.pass();
  assert.deepEqual(page.sent, []);
  page.hg("init", "shop", { endpoint: "https://m.shop.example/t", beacon: "/b" });
  page.hg("init", "other");
  await page.pass();
  assert.deepEqual(names(page.sent), ["PageView", "A", "B"]);
  assert.equal(page.requests[0][0], "https://m.shop.example/t/b");
  assert.deepEqual(new Set(page.sent.map((event) => event.site + event.consent)), new Set(["shopdenied"]));
  assert.equal(page.sent[2].eid, "own");
});

test("what can't be sent stays out, and harms nothing", async () => {
  const page = new Page().load(["init", "shop", { view: false }]);
  const circular = {};
  circular.self = circular;
  page.hg("track", "Bad", circular);
  page.hg("nonsense");
  page.hg("track", "Good", { toString: "x", nothing: undefined });
  await page.pass();
  assert.equal(page.errors.length, 2);
  assert.deepEqual(page.sent.map(({ e, p }) => [e, p]), [["Good", { toString: "x" }]]);
});

test("properties are those of the moment", async () => {
  const page = new Page().load(["init", "shop", { view: false }]);
  const basket = { items: ["a"] };
  page.hg("track", "Add", basket);
  basket.items.push("b");
  await page.pass();
  assert.deepEqual(page.sent[0].p, { items: ["a"] });
});

test("a script loaded twice counts once", async () => {
  const page = new Page().load(["init", "shop"]);
  const hg = page.window.hg;
  page.load();
  assert.equal(page.window.hg, hg);
  await page.pass();
  assert.deepEqual(names(page.sent), ["PageView"]);
});

test("a person is known from identify on, and for what waits", async () => {
  const page = new Page().load(["init", "shop"], ["identify", "ann"]);
  page.hg("identify", null);
  page.hg("track", "Out");
  page.hg("identify", 7);
  page.hg("track", "In");
  await page.pass();
  assert.deepEqual(page.sent.map(({ e, uid }) => [e, uid]), [["PageView", "ann"], ["Out", "7"], ["In", "7"]]);
});

test("a page rendered ahead counts when it is shown", async () => {
  const page = new Page({ prerendering: true }).load(["init", "shop"]);
  await page.pass();
  page.leave();
  assert.deepEqual(page.sent, []);
  page.now += 5000;
  page.documentEvents.fire("prerenderingchange");
  await page.pass();
  assert.deepEqual(page.sent.map(({ e, ts }) => [e, page.now - ts]), [["PageView", 1000]]);
});

for (const api of [true, false]) {
  test(`pages inside the page count, ${api ? "by the Navigation API" : "by the history"}`, async () => {
    const page = new Page({ api, referrer: "https://search.example/" }).load(["init", "shop"]);
    const { history } = page.window;
    history.pushState(null, "", "/b");
    history.replaceState({ scroll: 1 }, "", "/b");
    history.replaceState(null, "");
    history.pushState(null, "", "/b#part");
    page.location.href = "https://shop.example/a";
    (api ? page.navigationEvents : page.windowEvents).fire(api ? "currententrychange" : "popstate");
    page.hg("track", "Purchase");
    await page.pass();
    const at = "https://shop.example";
    assert.deepEqual(
      page.sent.map(({ e, u, r }) => [e, u, r]),
      [
        ["PageView", `${at}/a`, "https://search.example/"],
        ["PageView", `${at}/b`, `${at}/a`],
        ["PageView", `${at}/a`, `${at}/b`],
        ["Purchase", `${at}/a`, `${at}/b`],
      ],
    );
  });
}

test("sites that route behind # say so; others may turn views off", async () => {
  for (const [options, count] of [[{ hash: true }, 2], [{}, 1], [{ spa: false }, 1], [{ view: false }, 0]]) {
    const page = new Page({ api: true }).load(["init", "shop", options]);
    page.window.history.pushState(null, "", "#/b");
    if (!options.hash && options.spa === false) page.window.history.pushState(null, "", "/b");
    await page.pass();
    assert.equal(page.sent.length, count, JSON.stringify(options));
  }
});

test("a page that comes back from the back/forward cache is a view", async () => {
  const page = new Page().load(["init", "shop"]);
  page.windowEvents.fire("pageshow", { persisted: false });
  page.leave();
  page.windowEvents.fire("pageshow", { persisted: true });
  await page.pass();
  assert.deepEqual(names(page.sent), ["PageView", "PageView"]);
});

test("clicks that lead away or to a file, without their queries", async () => {
  const page = new Page().load(["init", "shop", { view: false }]);
  page.click(new Element("https://other.example/x?mail=ann#y"));
  page.click(new Element("https://shop.example/list.PDF?k=1"), 1, "auxclick");
  page.click(new Element("https://shop.example/report", ["download"]));
  page.click(new Element("https://shop.example/b"));
  page.click(new Element("https://other.example/"), 2, "auxclick");
  page.click(new Element("mailto:ann@shop.example"));
  page.click({}, 0);
  await page.pass();
  assert.deepEqual(page.sent.map(({ e, p }) => [e, p.link]), [
    ["OutboundClick", "https://other.example/x"],
    ["Download", "https://shop.example/list.PDF"],
    ["Download", "https://shop.example/report"],
  ]);
  const quiet = new Page().load(["init", "shop", { view: false, clicks: false }]);
  quiet.click(new Element("https://other.example/"));
  await quiet.pass();
  assert.deepEqual(quiet.sent, []);
});
