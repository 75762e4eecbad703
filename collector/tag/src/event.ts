// An event as `POST /p` takes it; docs/pixels.md says what each name means.

export interface TagEvent {
  e: string;
  /** The event's own id: the same however often it is sent, so that reports count it once. */
  eid: string;
  /** When it happened, by the browser's clock. */
  ts: number;
  u: string;
  r?: string;
  uid?: string;
  consent?: string;
  p?: Record<string, unknown>;
  [parameter: string]: unknown;
}

export type Properties = Record<string, unknown>;

/** Properties that are parameters of their own; any other becomes `p.NAME`. */
const PARAMETERS: Record<string, string> = {
  value: "v",
  currency: "c",
  eid: "eid",
  url: "u",
  referrer: "r",
};

/** Makes an event that happens now. The properties are copied, so the page may change them. */
export function newEvent(name: string, page: string, referrer: string, properties?: Properties): TagEvent {
  const event: TagEvent = { e: name, eid: newId(), ts: Date.now(), u: page };
  if (referrer) event.r = referrer;
  const copy: Properties = JSON.parse(JSON.stringify(properties || {}));
  for (const key of Object.keys(copy)) {
    const parameter = PARAMETERS.hasOwnProperty(key) && PARAMETERS[key];
    if (parameter) event[parameter] = copy[key];
    else (event.p = event.p || {})[key] = copy[key];
  }
  return event;
}

/** 128 random bits. `crypto.randomUUID` would need https. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
}
