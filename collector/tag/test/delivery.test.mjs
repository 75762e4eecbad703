// Batches, failures, other tries, the end of a page.
import assert from "node:assert/strict";
import test from "node:test";
import { HOUR_MS, RETRY_MS, names, Page } from "./browser.mjs";

const GRANTED = ["init", "shop", { consent: "granted" }];

test("what the collector could not keep is sent again under its id, ever later", async () => {
  const page = new Page().load(["init", "shop"]);
  page.answers = [503, 503, 429, 0, 204];
  await page.pass(250);
  assert.equal(page.requests.length, 1);
  await page.pass(2400);
  assert.equal(page.requests.length, 1, "not at once");
  await page.pass(HOUR_MS);
  assert.equal(page.requests.length, 5);
  assert.equal(new Set(page.sent.map((event) => event.eid)).size, 1);
  assert.equal(page.storage.size, 0, "nobody allowed it");
  page.hg("track", "Next");
  await page.pass(250);
  assert.equal(page.requests.length, 6, "soon again, once it works");
});

test("what the collector refuses is not sent again", async () => {
  for (const status of [400, 403, 404, 413]) {
    const page = new Page().load(GRANTED);
    page.answers = [status];
    await page.pass(HOUR_MS);
    assert.equal(page.requests.length, 1);
    assert.equal(page.storage.size, 0);
  }
});

test("with consent, the next page sends what this one could not", async () => {
  const first = new Page().load(GRANTED, ["identify", "ann"]);
  first.answers = [503];
  await first.pass();
  first.leave();
  assert.deepEqual(names(first.beacons.flatMap(([, events]) => events)), [], "it is safe in storage");
  const { storage } = first;
  const second = new Page({ storage, url: "https://shop.example/b" }).load(GRANTED, ["identify", "bob"]);
  second.now = first.now + HOUR_MS;
  await second.pass();
  assert.deepEqual(
    second.sent.map(({ eid, u, uid }) => [eid === first.sent[0].eid, u, uid]),
    [[true, "https://shop.example/a", "ann"], [false, "https://shop.example/b", "bob"]],
  );
  assert.equal(storage.size, 0);
});

test("nobody takes over an event of the one before", async () => {
  const first = new Page().load(GRANTED);
  first.answers = [503];
  await first.pass();
  const second = new Page({ storage: first.storage }).load(GRANTED, ["identify", "bob"]);
  await second.pass();
  assert.deepEqual(second.sent.map(({ uid }) => uid || ""), ["", "bob"]);
});

test("the storage is bounded, in number and in age", async () => {
  const page = new Page().load(GRANTED);
  page.answers = [0];
  for (let n = 0; n < 70; n++) page.hg("track", `E${n}`);
  await page.pass(HOUR_MS);
  page.navigator.onLine = false;
  page.leave();
  assert.equal(page.stored.length, 50);
  const later = new Page({ storage: page.storage });
  later.now = page.now + 49 * HOUR_MS;
  later.load(GRANTED);
  await later.pass();
  assert.deepEqual(names(later.sent), ["PageView"]);
});

test("tabs share the storage, and none deletes another's", async () => {
  const storage = new Map();
  const tabs = [1, 2].map(() => new Page({ storage }).load(GRANTED));
  for (const tab of tabs) {
    tab.answers = [503, 204];
    await tab.pass(250);
  }
  assert.equal(tabs[0].stored.length, 2);
  await tabs[0].pass(HOUR_MS);
  assert.deepEqual(tabs[1].stored.map(({ eid }) => eid), [tabs[1].sent[0].eid]);
});

test("a browser that stores nothing, or nonsense, loses nothing else", async () => {
  for (const storage of [new Map([["hg.shop", "{"]]), null]) {
    const page = new Page(storage ? { storage } : {});
    if (!storage) Object.defineProperty(page.window, "localStorage", { get: () => assert.fail("refused") });
    page.load(GRANTED);
    page.answers = [503];
    await page.pass();
    page.leave();
    assert.equal(page.sent.length, storage ? 1 : 2);
    assert.deepEqual(page.errors, []);
  }
});

test("a page that is left sends the rest at once", async () => {
  const page = new Page().load(["init", "shop"]);
  page.hg("track", "Buy");
  page.leave();
  page.leave();
  await page.pass();
  assert.deepEqual(page.requests, []);
  assert.deepEqual(page.beacons.map(([url, events]) => [url, names(events)]), [
    ["https://pixel.example/p", ["PageView", "Buy"]],
  ]);
});

test("without sendBeacon, or when it is full, fetch has to do", async () => {
  for (const full of [true, false]) {
    const page = new Page().load(["init", "shop"]);
    if (full) page.beaconsTaken = false;
    else delete page.navigator.sendBeacon;
    page.leave();
    assert.equal(page.requests[0][1].keepalive, true);
  }
});

test("a page that is hidden sends, and listens for the answer if it can", async () => {
  const page = new Page().load(["init", "shop"]);
  page.hide();
  assert.equal(page.requests.length, 1);
  const old = new Page().load(["init", "shop"]);
  delete old.window.Request.prototype.keepalive;
  old.hide();
  assert.equal(old.beacons.length, 1);
});

test("a page left offline stores all that the collector has not confirmed", async () => {
  const page = new Page().load(GRANTED);
  page.answers = ["never"];
  await page.pass();
  page.hg("track", "Buy");
  page.navigator.onLine = false;
  page.leave();
  assert.deepEqual(names(page.stored), ["PageView", "Buy"]);
});

test("the network's return ends the wait", async () => {
  const page = new Page().load(["init", "shop"]);
  page.answers = [0, 204];
  await page.pass(300);
  page.windowEvents.fire("online");
  await page.pass(0);
  assert.equal(page.requests.length, 2);
});

test("one request at a time, in order", async () => {
  const page = new Page().load(["init", "shop"]);
  page.answers = ["never"];
  await page.pass();
  page.hg("track", "Next");
  await page.pass(HOUR_MS);
  assert.equal(page.requests.length, 1);
  page.leave();
  assert.deepEqual(names(page.beacons[0][1]), ["Next"]);
});

test("batches stay below what outlives a page", async () => {
  const page = new Page().load(["init", "shop", { view: false }]);
  for (let n = 0; n < 30; n++) page.hg("track", `E${n}`, { text: "x".repeat(4000) });
  page.hg("track", "Huge", { text: "x".repeat(60_000) });
  await page.pass();
  assert.equal(page.sent.length, 31);
  for (const [, { body, keepalive }, events] of page.requests)
    assert.equal(keepalive, body.length < 50_000, `${events.length} events of ${body.length}`);
  assert.deepEqual(page.requests.map(([, , events]) => events.length), [10, 10, 10, 1]);
});

test("where a policy forbids fetch, images say the same", async () => {
  const page = new Page().load(["init", "shop", { view: false, pixel: "/x.gif" }]);
  page.answers = ["forbidden"];
  page.hg("track", "Buy", { value: 5, plan: "a&b", list: [1], eid: "own" });
  await page.pass(HOUR_MS);
  assert.equal(page.requests.length, 1);
  const [image] = page.images;
  assert.equal(image.origin + image.pathname, "https://pixel.example/x.gif");
  const said = Object.fromEntries(image.searchParams);
  assert.equal(said.ts, String(page.now - HOUR_MS));
  delete said.ts;
  assert.deepEqual(said, {
    e: "Buy", site: "shop", eid: "own", u: "https://shop.example/a", v: "5", "p.plan": "a&b", "p.list": "[1]",
  });
  page.imagesLoad = false;
  page.hg("track", "Lost");
  await page.pass(RETRY_MS);
  page.imagesLoad = true;
  await page.pass(RETRY_MS);
  page.hg("track", "Last");
  page.leave();
  const sent = page.images.map((url) => url.searchParams.get("e"));
  assert.deepEqual([...new Set(sent)], ["Buy", "Lost", "Last"]);
  assert.ok(sent.length > 3);
  assert.equal(page.requests.length, 1);
  assert.deepEqual(page.beacons, []);
});

test("a request that fails as its page ends is under way, not lost", async () => {
  const page = new Page().load(GRANTED);
  page.answers = ["cut"];
  await page.pass(300);
  page.leave();
  page.cut();
  await page.pass();
  assert.deepEqual(page.images, []);
  assert.equal(page.storage.size, 0);
  page.windowEvents.fire("pageshow", { persisted: true });
  page.answers = [204];
  await page.pass();
  assert.deepEqual(names(page.sent), ["PageView", "PageView"]);
  assert.notEqual(page.sent[0].eid, page.sent[1].eid);
});

test("one that was stored stays so until the collector has it", async () => {
  const page = new Page().load(GRANTED);
  page.answers = [503, "cut"];
  await page.pass(RETRY_MS * 2);
  page.leave();
  page.cut();
  await page.pass();
  assert.deepEqual(names(page.stored), ["PageView"]);
});
