// Events on their way: they wait for consent, for their batch, or for another try.
//
// An event leaves when the collector has it or refuses it for good, when the browser took it as the
// page ended, or when the visitor said no. What failed once stays stored until the collector has
// it, if storing is allowed; so it may arrive twice, with the same id, but not get lost. What is
// under way as the page ends is the browser's to deliver.

import { TagEvent } from "./event";
import { Store } from "./store";
import { BODY_LENGTH_MAX, Transport } from "./transport";
import { Visitor } from "./visitor";

const BATCH_MS = 250;
const BATCH_EVENTS_MAX = 20;
/** Of those that wait: without consent, say, on a page that stays open for a day. */
const WAITING_MAX = 100;
const RETRY_MS = 5000;
const RETRY_MS_MAX = 300000;

export interface Outbox {
  add(event: TagEvent): void;
  /** Sends what may be sent; with `leaving` all at once, since the page may end now. */
  flush(leaving?: boolean): void;
  /** Applies what the page has said by now to what waits. */
  settle(): void;
  /** Takes up what earlier pages could not send. */
  resume(): void;
}

export function createOutbox(visitor: Visitor, store: Store, transport: Transport): Outbox {
  let waiting: TagEvent[] = [];
  let flying: TagEvent[] = [];
  let retryMs = 0;
  let timer = 0;

  function wake(ms: number): void {
    timer = timer || setTimeout(flush, ms);
  }

  function settle(): void {
    waiting.forEach(visitor.stamp);
    if (visitor.fate() === "drop") waiting = [];
  }

  function flush(leaving?: boolean): void {
    clearTimeout(timer);
    timer = 0;
    settle();
    if (visitor.fate() !== "send") return;
    if (leaving) leave();
    else if (!flying.length && waiting.length) send();
  }

  async function send(): Promise<void> {
    const [events, body] = take(waiting);
    flying = events;
    const left = await transport.post(events, body);
    flying = [];
    if (left) {
      retryMs = left.length && Math.min(retryMs * 2 || RETRY_MS, RETRY_MS_MAX);
      store.drop(events.filter((event) => left.indexOf(event) < 0));
      keep(left);
      waiting = left.concat(waiting);
    }
    // At random, so that a collector that comes back does not meet all its visitors at once.
    if (waiting.length) wake(retryMs * (0.5 + Math.random()));
  }

  /** What is stored is safe; the rest is the browser's, which may be wrong that it is offline. */
  function leave(): void {
    if (!navigator.onLine) keep(flying.concat(waiting));
    const fresh = waiting.filter((event) => !store.has(event));
    waiting = waiting.filter(store.has);
    while (fresh.length) transport.leave(...take(fresh));
  }

  function keep(events: TagEvent[]): void {
    if (visitor.mayStore()) store.put(events);
  }

  return {
    add(event) {
      waiting = waiting.concat(event).slice(-WAITING_MAX);
      // By what holds now: what happened under a no stays so, whatever is said before it leaves.
      settle();
      wake(retryMs || BATCH_MS);
    },
    flush(leaving) {
      retryMs = 0;
      flush(leaving);
    },
    settle() {
      settle();
      if (waiting.length) wake(BATCH_MS);
    },
    resume() {
      const ids = waiting.concat(flying).map((event) => event.eid);
      const stored = store.read().filter((event) => ids.indexOf(event.eid) < 0);
      // Who is known now may be another than then.
      stored.forEach((event) => (event.uid = event.uid || ""));
      waiting = stored.concat(waiting);
    },
  };
}

/** Takes a batch off the front; returns it with its JSON, short enough to outlive the page. */
function take(events: TagEvent[]): [TagEvent[], string] {
  let count = BATCH_EVENTS_MAX;
  let body;
  do body = JSON.stringify(events.slice(0, count));
  while (body.length > BODY_LENGTH_MAX && (count >>= 1));
  return [events.splice(0, count || 1), body];
}
