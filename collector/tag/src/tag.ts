// One site's tag: its commands, made of the parts.

import { watchClicks } from "./clicks";
import { newEvent, Properties } from "./event";
import { createPlace } from "./navigation";
import { createOutbox } from "./outbox";
import { createStore } from "./store";
import { createTransport } from "./transport";
import { Consent, createVisitor } from "./visitor";

/** The collector puts its own paths here, so each must stay one literal (collector/routes/tag.py). */
const PATHS = { beacon: "/p", pixel: "/p.gif" };

export interface Options {
  /** Where the collector is, without a slash at the end; by default where the tag came from. */
  endpoint?: string;
  beacon?: string;
  pixel?: string;
  /** What holds from the beginning, or `required`: nothing is sent before a yes. */
  consent?: Consent;
  /** Whether views are counted by themselves; also those of pages inside this one. */
  view?: boolean;
  spa?: boolean;
  /** Whether what is behind `#` is a page of its own. */
  hash?: boolean;
  clicks?: boolean;
}

export interface Tag {
  track(name: string, properties?: Properties): void;
  consent(consent: Consent): void;
  identify(id: unknown): void;
  init(): void;
}

export function createTag(site: string, origin: string, options: Options): Tag {
  const isRequired = options.consent === "required";
  const endpoint = options.endpoint === undefined ? origin : options.endpoint;
  const visitor = createVisitor(site, isRequired);
  const store = createStore("hg." + site);
  const outbox = createOutbox(
    visitor,
    store,
    createTransport(endpoint + (options.beacon || PATHS.beacon), endpoint + (options.pixel || PATHS.pixel)),
  );
  const isViewed = options.view !== false;
  const place = createPlace(!!options.hash, isViewed && options.spa !== false, view);

  function view(): void {
    track("PageView");
  }

  function track(name: string, properties?: Properties): void {
    outbox.add(newEvent(name, place.page(), place.referrer(), properties));
  }

  function consent(said: Consent): void {
    visitor.say(said);
    if (visitor.mayStore()) outbox.resume();
    else store.clear();
    outbox.settle();
  }

  if (options.consent && !isRequired) consent(options.consent);
  if (isViewed) view();
  if (options.clicks !== false) watchClicks(track);
  addEventListener("online", () => outbox.flush());
  addEventListener("pagehide", () => outbox.flush(true));
  addEventListener("pageshow", (event) => {
    // Back from the back/forward cache: no script of the page ran again.
    if (event.persisted && isViewed) view();
  });
  document.addEventListener("visibilitychange", () => {
    // An answer can still come, if the browser lets the request outlive the page.
    if (document.hidden) outbox.flush(!("keepalive" in Request.prototype));
  });

  return {
    track,
    consent,
    identify(id) {
      // What happened before belongs to who was known then.
      outbox.settle();
      visitor.identify(id);
    },
    init() {},
  };
}
