// What the page has said about its visitor, and what follows for events: sent, kept waiting, dropped.
// Nothing here is remembered on the device.

import { TagEvent } from "./event";

declare global {
  interface Navigator {
    /** https://w3c.github.io/gpc/ */
    globalPrivacyControl?: boolean;
  }
}

/** A level, or what a consent manager says: `{gdpr: 1, gdpr_consent: "…"}`. */
export type Consent = string | Record<string, unknown>;

/** From what allows least to what allows most; docs/consent.md says what. */
const LEVELS = ["denied", "limited", "granted"];

export interface Visitor {
  say(consent: Consent): void;
  identify(id: unknown): void;
  /** Whether the device may be written to: only after a plain yes. */
  mayStore(): boolean;
  fate(): "send" | "wait" | "drop";
  /** Adds to an event what is known by now. A level can only fall: a no holds for what was before. */
  stamp(event: TagEvent): void;
}

export function createVisitor(site: string, isRequired: boolean): Visitor {
  let said = "";
  let words: Record<string, unknown> | undefined;
  let user: string | undefined;

  const level = () => (navigator.globalPrivacyControl ? "denied" : said);

  return {
    say(consent) {
      if (consent && typeof consent === "object") words = consent;
      // A word that is not known is no yes.
      else said = LEVELS.indexOf(consent) < 0 ? "denied" : consent;
    },
    identify(id) {
      user = id ? String(id) : undefined;
    },
    mayStore: () => level() === "granted",
    fate() {
      if (!isRequired) return "send";
      if (level() === "denied") return "drop";
      return said || words ? "send" : "wait";
    },
    stamp(event) {
      event.site = site;
      Object.assign(event, words);
      const now = level();
      if (now && (!event.consent || LEVELS.indexOf(now) < LEVELS.indexOf(event.consent))) event.consent = now;
      if (event.consent && event.consent !== "granted") delete event.uid;
      else if (user && event.uid === undefined) event.uid = user;
    },
  };
}
