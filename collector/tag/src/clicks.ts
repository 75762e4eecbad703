// Clicks on links that lead away or to a file. Of the address only what says where: a query may
// hold what is nobody's business.

import { Properties } from "./event";

const FILE = /\.(7z|apk|csv|deb|dmg|docx?|epub|exe|gz|ics|iso|jar|mp[34]|msi|ods|odt|pdf|pkg|pptx?|rar|rpm|tar|txt|webm|xlsx?|xml|zip)$/i;

export function watchClicks(track: (name: string, properties: Properties) => void): void {
  function note(event: MouseEvent): void {
    const target = event.composedPath()[0];
    // The third button opens a menu.
    if (event.button > 1 || !(target instanceof Element)) return;
    const link = target.closest<HTMLAnchorElement>("a[href],area[href]");
    if (!link || !/^http/.test(link.protocol)) return;
    const isFile = link.hasAttribute("download") || FILE.test(link.pathname);
    if (isFile || link.host !== location.host)
      track(isFile ? "Download" : "OutboundClick", { link: link.origin + link.pathname });
  }

  addEventListener("click", note, true);
  addEventListener("auxclick", note, true);
}
