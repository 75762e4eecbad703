// Events that could not be sent, in localStorage until the collector has them. All tabs of a site
// share one list, so each change reads it anew. A browser that refuses storage is no error.

import { TagEvent } from "./event";

const EVENTS_MAX = 50;
/** Past it a report could no longer tell that an event was counted before. */
const AGE_MS_MAX = 48 * 3600 * 1000;

export interface Store {
  read(): TagEvent[];
  put(events: TagEvent[]): void;
  drop(events: TagEvent[]): void;
  clear(): void;
  /** Whether this page has put or read the event. */
  has(event: TagEvent): boolean;
}

export function createStore(key: string): Store {
  const known = new Set<string>();

  function read(): TagEvent[] {
    let events: TagEvent[] = [];
    try {
      events = JSON.parse(localStorage.getItem(key) || "[]");
    } catch {}
    return events.filter((event) => event.ts > Date.now() - AGE_MS_MAX);
  }

  function write(events: TagEvent[]): void {
    try {
      if (events.length) localStorage.setItem(key, JSON.stringify(events.slice(-EVENTS_MAX)));
      else localStorage.removeItem(key);
      events.forEach((event) => known.add(event.eid));
    } catch {}
  }

  const without = (events: TagEvent[]) => {
    const ids = events.map((event) => event.eid);
    return read().filter((event) => ids.indexOf(event.eid) < 0);
  };

  return {
    read() {
      const events = read();
      events.forEach((event) => known.add(event.eid));
      return events;
    },
    put: (events) => events.length && write(without(events).concat(events)),
    drop: (events) => events.some((event) => known.has(event.eid)) && write(without(events)),
    clear() {
      known.clear();
      write([]);
    },
    has: (event) => known.has(event.eid),
  };
}
