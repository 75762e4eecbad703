// A browser as far as the tag sees it: a page with a clock, a network and a storage of the test's.
// Real browsers are in tests/browser; here are the cases that they are too slow or too well for.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import vm from "node:vm";

const SCRIPT = readFileSync(new URL("../node_modules/.cache/px.js", import.meta.url), "utf8");
export const HOUR_MS = 3600 * 1000;
/** By then the tag has tried again. */
export const RETRY_MS = 10_000;

export class Element {
  constructor(url, attributes = []) {
    const { protocol, host, origin, pathname } = new URL(url);
    Object.assign(this, { protocol, host, origin, pathname, attributes });
  }
  closest() {
    return this;
  }
  hasAttribute(name) {
    return this.attributes.includes(name);
  }
}

class Listeners {
  #listeners = {};
  addEventListener = (name, listener) => (this.#listeners[name] ??= []).push(listener);
  fire(name, event = {}) {
    for (const listener of this.#listeners[name] ?? []) listener(event);
  }
}

/**
 * One page. `answers` says the status of each request in turn; the last one stays. 0 is a network
 * that is away, "never" no answer, "cut" one that `cut` fails, "forbidden" the page's own policy.
 */
export class Page {
  requests = []; // of fetch: [url, options, events]
  beacons = []; // [url, events]
  images = [];
  errors = [];
  answers = [204];
  imagesLoad = true;
  beaconsTaken = true;
  now = Date.UTC(2026, 10, 24);
  #timers = [];

  constructor({ url = "https://shop.example/a", referrer = "", storage = new Map(), gpc, api, prerendering } = {}) {
    const page = this;
    this.storage = storage;
    this.windowEvents = new Listeners();
    this.documentEvents = new Listeners();
    this.navigationEvents = new Listeners();
    this.location = new URL(url);
    this.document = {
      currentScript: { src: "https://pixel.example/px.js" },
      referrer,
      hidden: false,
      prerendering,
      addEventListener: this.documentEvents.addEventListener,
    };
    this.navigator = {
      onLine: true,
      globalPrivacyControl: gpc,
      sendBeacon(url, body) {
        if (page.beaconsTaken) page.beacons.push([url, JSON.parse(body)]);
        return page.beaconsTaken;
      },
    };
    const move = function (_state, _title, to) {
      if (to) page.location.href = new URL(to, page.location).href;
      page.navigationEvents.fire("currententrychange");
    };
    this.window = {
      location: this.location,
      document: this.document,
      navigator: this.navigator,
      history: { pushState: move, replaceState: move },
      navigation: api ? { addEventListener: this.navigationEvents.addEventListener } : undefined,
      addEventListener: this.windowEvents.addEventListener,
      localStorage: {
        getItem: (key) => storage.get(key) ?? null,
        setItem: (key, value) => storage.set(key, value),
        removeItem: (key) => storage.delete(key),
      },
      fetch: (...request) => this.#answer(...request),
      Image: this.#imageClass(),
      Request: class {
        keepalive = true;
      },
      Element,
      URL,
      URLSearchParams,
      crypto: webcrypto,
      console: { error: (...said) => this.errors.push(said) },
      setTimeout: (run, ms = 0) => this.#timers.push({ run, at: this.now + ms }),
      clearTimeout: (id) => {
        if (id) this.#timers[id - 1] = undefined;
      },
    };
    this.window.Request.prototype.keepalive = undefined;
    this.window.window = this.window;
    vm.createContext(this.window);
    vm.runInContext(`Date.now = () => page_now()`, Object.assign(this.window, { page_now: () => this.now }));
  }

  /** Runs the stub with its calls, then the tag, as a page with the snippet does. */
  load(...calls) {
    this.window.hg ??= Object.assign(() => {}, { q: calls });
    vm.runInContext(SCRIPT, this.window);
    return this;
  }

  hg(...call) {
    this.window.hg(...call);
  }

  /** Lets time pass, timer by timer, and answers arrive. */
  async pass(ms = 1000) {
    const end = this.now + ms;
    for (;;) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      const due = this.#timers.filter((timer) => timer && timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      this.#timers[this.#timers.indexOf(due)] = undefined;
      due.run();
    }
    this.now = end;
  }

  click(link, button = 0, name = "click") {
    this.windowEvents.fire(name, { button, composedPath: () => [link] });
  }

  hide() {
    this.document.hidden = true;
    this.documentEvents.fire("visibilitychange");
  }

  leave() {
    this.windowEvents.fire("pagehide");
  }

  /** All events that were sent, in order, one list. */
  get sent() {
    return [...this.requests.flatMap(([, , events]) => events), ...this.beacons.flatMap(([, events]) => events)];
  }

  get stored() {
    return JSON.parse(this.storage.get("hg.shop") ?? "[]");
  }

  async #answer(url, options) {
    this.requests.push([url, options, JSON.parse(options.body)]);
    const status = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (status === "never") return new Promise(() => {});
    if (status === "cut") await new Promise((resolve) => (this.cut = resolve));
    if (status === "forbidden")
      setImmediate(() =>
        this.documentEvents.fire("securitypolicyviolation", { effectiveDirective: "connect-src", blockedURI: url }),
      );
    if (typeof status !== "number" || !status) throw new TypeError("Failed to fetch");
    return { status };
  }

  #imageClass() {
    const page = this;
    return class {
      set src(url) {
        page.images.push(new URL(url));
        setImmediate(page.imagesLoad ? this.onload : this.onerror);
      }
    };
  }
}

export const names = (events) => events.map((event) => event.e);
