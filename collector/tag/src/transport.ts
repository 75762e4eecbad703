// The ways to the collector: fetch, whose answer tells what was kept; sendBeacon, which outlives
// the page; images, where a page's policy forbids the others.

import { TagEvent } from "./event";

/** Browsers let requests of 64 KiB at once outlive their page (Fetch standard, section 4.6). */
export const BODY_LENGTH_MAX = 50000;

export interface Transport {
  /** Sends events, whose JSON is `body`; returns those to be sent again. */
  post(events: TagEvent[], body: string): Promise<TagEvent[]>;
  /** Hands events to the browser, which sends them even if the page ends now. */
  leave(events: TagEvent[], body: string): void;
}

export function createTransport(beaconUrl: string, pixelUrl: string): Transport {
  // Once the collector answered, a failure is the network's, and an image would not do better.
  let answered = false;

  async function post(events: TagEvent[], body: string): Promise<TagEvent[]> {
    try {
      const { status } = await fetch(beaconUrl, {
        method: "POST",
        body,
        credentials: "include",
        keepalive: body.length <= BODY_LENGTH_MAX,
      });
      answered = true;
      // 4xx says that the events are wrong, so they would be again.
      return status > 499 || status === 408 || status === 429 ? events : [];
    } catch {
      if (answered) return events;
      const loaded = await Promise.all(events.map(load));
      return events.filter((_, index) => !loaded[index]);
    }
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
      if (!navigator.sendBeacon || !navigator.sendBeacon(beaconUrl, body)) post(events, body);
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
