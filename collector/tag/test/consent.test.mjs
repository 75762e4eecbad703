// Nothing leaves, and nothing is stored, that the visitor has not agreed to.
import assert from "node:assert/strict";
import test from "node:test";
import { names, Page } from "./browser.mjs";

const levels = (page) => page.sent.map(({ e, consent, uid }) => [e, consent, uid]);

test("where consent is required, events wait for a yes", async () => {
  const page = new Page().load(["init", "shop", { consent: "required" }], ["identify", "ann"]);
  page.hg("track", "Early");
  await page.pass(60_000);
  page.hide();
  page.leave();
  assert.deepEqual(page.sent, []);
  assert.equal(page.storage.size, 0);
  page.hg("consent", "granted");
  await page.pass();
  assert.deepEqual(levels(page), [["PageView", "granted", "ann"], ["Early", "granted", "ann"]]);
});

test("where consent is required, a no drops what waits and what comes", async () => {
  const page = new Page().load(["init", "shop", { consent: "required" }]);
  page.hg("consent", "denied");
  page.hg("track", "Late");
  await page.pass();
  page.leave();
  assert.deepEqual(page.sent, []);
  page.hg("consent", "granted");
  page.hg("track", "Yes");
  await page.pass();
  assert.deepEqual(names(page.sent), ["Yes"]);
});

test("where consent is required, what happened under a no is dropped though a yes comes at once", async () => {
  const page = new Page().load(["init", "shop", { consent: "required" }], ["consent", "denied"]);
  page.hg("track", "Never");
  page.hg("consent", "granted");
  page.hg("track", "Yes");
  await page.pass();
  assert.deepEqual(names(page.sent), ["Yes"]);
});

test("a day without an answer is bounded", async () => {
  const page = new Page().load(["init", "shop", { consent: "required" }]);
  for (let n = 0; n < 500; n++) page.hg("track", `E${n}`);
  page.hg("consent", "granted");
  await page.pass(10_000);
  assert.equal(page.sent.length, 100);
  assert.equal(page.sent.at(-1).e, "E499");
});

test("elsewhere a no is sent with the event, and without the person", async () => {
  const page = new Page().load(["init", "shop"], ["identify", "ann"], ["consent", "denied"]);
  await page.pass();
  page.hg("track", "Before");
  page.hg("consent", "granted");
  page.hg("track", "After");
  await page.pass();
  assert.deepEqual(levels(page), [
    ["PageView", "denied", undefined],
    ["Before", "denied", undefined],
    ["After", "granted", "ann"],
  ]);
});

test("nothing said is nothing claimed", async () => {
  const page = new Page().load(["init", "shop"]);
  await page.pass();
  assert.deepEqual(levels(page), [["PageView", undefined, undefined]]);
  assert.equal(page.storage.size, 0);
});

for (const [word, level] of [["limited", "limited"], ["yes?", "denied"], [false, "denied"], [true, "denied"], [undefined, "denied"]]) {
  test(`the word ${word} is ${level}`, async () => {
    const page = new Page().load(["init", "shop"], ["identify", "ann"]);
    page.answers = [503];
    page.hg("consent", word);
    await page.pass();
    assert.deepEqual(levels(page), [["PageView", level, undefined]]);
    assert.equal(page.storage.size, 0);
  });
}

test("Global Privacy Control is a no, whatever the page says", async () => {
  const page = new Page({ gpc: true }).load(["init", "shop", { consent: "granted" }], ["identify", "ann"]);
  page.answers = [503];
  await page.pass();
  assert.deepEqual(levels(page), [["PageView", "denied", undefined]]);
  assert.equal(page.storage.size, 0);
  const strict = new Page({ gpc: true }).load(["init", "shop", { consent: "required" }]);
  strict.hg("consent", "granted");
  await strict.pass();
  assert.deepEqual(strict.sent, []);
});

test("a consent manager's words go along, for the collector to read", async () => {
  const page = new Page().load(["init", "shop", { consent: "required" }]);
  page.hg("consent", { gdpr: 1, gdpr_consent: "CPx" });
  page.answers = [503];
  await page.pass();
  assert.deepEqual(page.sent.map(({ gdpr, gdpr_consent, consent }) => [gdpr, gdpr_consent, consent]), [
    [1, "CPx", undefined],
  ]);
  assert.equal(page.storage.size, 0, "the tag does not read them, so they allow no storing");
});

test("a later no takes the stored away, and marks what waits", async () => {
  const page = new Page().load(["init", "shop", { consent: "granted" }], ["identify", "ann"]);
  page.answers = [503];
  await page.pass();
  assert.equal(page.stored.length, 1);
  page.hg("consent", "denied");
  assert.equal(page.storage.size, 0);
  page.leave();
  assert.deepEqual(levels(page), [["PageView", "granted", "ann"], ["PageView", "denied", undefined]]);
  assert.equal(page.storage.size, 0);
});
