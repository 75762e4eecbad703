// The tag, as pages load it: takes the stub's place and does what its queue says.
//
//     hg("init", "SITE", {…})   hg("track", "Purchase", {…})   hg("consent", "granted")
//     hg("identify", "USER")
//
// Nothing that goes wrong here reaches the page.

import { createTag, Options, Tag } from "./tag";

interface Hg {
  (...call: unknown[]): void;
  q?: ArrayLike<unknown>[];
  isLoaded?: boolean;
}

declare global {
  interface Window {
    hg?: Hg;
  }
  interface Document {
    readonly prerendering?: boolean;
  }
}

const script = document.currentScript as HTMLScriptElement | null;
const origin = script && script.src ? new URL(script.src).origin : "";

function start(): void {
  const queue = (window.hg && window.hg.q) || [];
  let early: unknown[][] = [];
  let tag: Tag | undefined;

  const hg: Hg = (...call) => {
    try {
      const [command, first, second] = call;
      if (tag) (tag[command as keyof Tag] as (...values: unknown[]) => void)(first, second);
      else if (command !== "init") early.push(call);
      else {
        tag = createTag(String(first), origin, (second || {}) as Options);
        early.forEach((one) => hg(...one));
        early = [];
      }
    } catch (error) {
      console.error("hg:", error);
    }
  };
  hg.isLoaded = true;
  window.hg = hg;
  for (const call of queue) hg(...Array.from(call));
}

if (!window.hg || !window.hg.isLoaded) {
  // A page rendered ahead may never be seen; its commands wait in the stub's queue.
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
