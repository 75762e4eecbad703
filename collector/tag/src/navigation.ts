// Where the visitor is, on a page that stays loaded while its address changes.

export interface Place {
  /** The page, without fragment unless the site routes by it. */
  page(): string;
  /** The page before. */
  referrer(): string;
}

export function createPlace(byFragment: boolean, isWatched: boolean, onMove: () => void): Place {
  const page = () => (byFragment ? location.href : location.href.split("#")[0]!);
  let last = page();
  let referrer = document.referrer;

  function check(): void {
    const now = page();
    if (now === last) return;
    referrer = last;
    last = now;
    onMove();
  }

  if (isWatched) {
    const api: Navigation | undefined = window.navigation;
    if (api) api.addEventListener("currententrychange", check);
    else {
      watch("pushState", check);
      watch("replaceState", check);
      addEventListener("popstate", check);
    }
  }
  return { page, referrer: () => referrer };
}

function watch(name: "pushState" | "replaceState", check: () => void): void {
  const original = history[name];
  history[name] = function (...values) {
    original.apply(this, values);
    check();
  };
}
