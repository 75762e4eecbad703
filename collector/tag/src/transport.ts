// The ways to the collector: fetch, whose answer tells what was kept; sendBeacon, which outlives
// the page; images, where the page's policy (CSP) forbids the others.

import { TagEvent } from "./event";

/** Browsers let requests of 64 KiB at once outlive their page (Fetch standard, section 4.6). */
export const BODY_LENGTH_MAX = 50000;

export interface Transport {
  /** Sends events, whose JSON is `body`; returns those to be sent again, nothing if none can tell. */
  post(events: TagEvent[], body: string): Promise<TagEvent[] | undefined>;
  /** Hands events to the browser, which sends them even if the page ends now. */
  leave(events: TagEvent[], body: string): void;
}

export function createTransport(beaconUrl: string, pixelUrl: string): Transport {
  const fullUrl = new URL(beaconUrl, location.href).href;
  let isForbidden = false;
  let isLeft = false;

  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.effectiveDirective === "connect-src" && fullUrl.indexOf(event.blockedURI) === 0) isForbidden = true;
  });
  addEventListener("pagehide", () => (isLeft = true));
  addEventListener("pageshow", () => (isLeft = false));

  async function post(events: TagEvent[], body: string): Promise<TagEvent[] | undefined> {
    if (!isForbidden) {
      try {
        const { status } = await fetch(beaconUrl, {
          method: "POST",
          body,
          credentials: "include",
          keepalive: body.length <= BODY_LENGTH_MAX,
        });
        // 4xx says that the events are wrong, so they would be again.
        return status > 499 || status === 408 || status === 429 ? events : [];
      } catch {
        // A policy is told of in a task of its own.
        await new Promise((resolve) => setTimeout(resolve));
        // The end of a page fails a request that goes on without it.
        if (!isForbidden) return isLeft ? undefined : events;
      }
    }
    const loaded = await Promise.all(events.map(load));
    return events.filter((_, index) => !loaded[index]);
  }

  function load(event: TagEvent): Promise<boolean> {
    return new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
      image.src = pixelUrl + "?" + queryOf(event);
    });
  }

  return {
    post,
    leave(events, body) {
      if (isForbidden || !navigator.sendBeacon || !navigator.sendBeacon(beaconUrl, body)) post(events, body);
    },
  };
}

function queryOf(event: TagEvent): URLSearchParams {
  const query = new URLSearchParams();
  const add = (name: string, value: unknown) =>
    query.append(name, typeof value === "string" ? value : JSON.stringify(value));
  for (const name of Object.keys(event)) if (name !== "p") add(name, event[name]);
  const properties = event.p || {};
  for (const name of Object.keys(properties)) add("p." + name, properties[name]);
  return query;
}
