// Writes random consent strings of IAB's own encoders, one JSON object a line: the string, and what
// it says. Arguments: which (tcf, gpp), how many, seed.
import { PurposeRestriction, Segment, SegmentEncoder, TCModel, TCString } from "@iabtcf/core";
import { GppModel } from "@iabgpp/cmpapi";

const PURPOSES = 24;
const VENDORS_MAX = 2000;
const STATES = {
  usnat: ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"],
  usca: ["SaleOptOut", "SharingOptOut"],
};
for (const state of "va co ut ct fl mt or tx de ia ne nh nj tn mn md in ky ri".split(" ")) {
  STATES[`us${state}`] = ["SaleOptOut", "TargetedAdvertisingOptOut"];
}
const WITHOUT_GPC = new Set(["usva", "usut", "usfl", "usin", "usky", "usri"]);

const [which, count, seed] = process.argv.slice(2);
let state = Number(seed) >>> 0;

// Mulberry32: the same numbers for the same seed, here and anywhere.
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const below = (limit) => Math.floor(random() * limit);
const some = (from, to, share) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(() => random() < share);

// Few or many vendors, scattered or in runs, so that both of the encodings are used.
function vendors() {
  const size = 1 + below(below(2) ? 60 : 1500);
  if (below(2)) return some(1, size, random());
  const runs = new Set();
  for (let run = below(5); run > 0; run--) {
    const first = 1 + below(size);
    for (let id = first; id <= Math.min(size, first + below(40)); id++) runs.add(id);
  }
  return [...runs].sort((a, b) => a - b);
}

function tcf() {
  const model = new TCModel();
  model.version = 2;
  model.created = new Date(1600000000000 + below(200000000) * 1000);
  model.lastUpdated = new Date(1700000000000 + below(90000000) * 1000);
  model.cmpId = 2 + below(4000);
  model.cmpVersion = 1 + below(4000);
  model.consentScreen = below(63);
  model.consentLanguage = ["EN", "DE", "FR"][below(3)];
  model.publisherCountryCode = ["AA", "DE", "GB"][below(3)];
  model.policyVersion = 2 + below(3);
  model.isServiceSpecific = below(2) === 1;
  model.purposeOneTreatment = below(2) === 1;
  model.specialFeatureOptins.set(some(1, 12, random()));
  model.purposeConsents.set(some(1, PURPOSES, random()));
  model.purposeLegitimateInterests.set(some(1, PURPOSES, random()));
  model.vendorConsents.set(vendors());
  model.vendorLegitimateInterests.set(vendors());
  for (let restriction = below(6); restriction > 0; restriction--) {
    const rule = new PurposeRestriction(1 + below(11), below(3));
    for (const vendor of vendors().slice(0, 50)) model.publisherRestrictions.add(vendor, rule);
  }
  // The list of vendors, of which the encoder asks nothing but their ids; set past its setter, which
  // would drop what a vendor never declared.
  const listed = Array.from({ length: VENDORS_MAX }, (_, i) => i + 1);
  model.publisherRestrictions.gvl_ = { vendorIds: new Set(listed) };
  let text = SegmentEncoder.encode(model, Segment.CORE);
  if (below(2)) {
    model.vendorsDisclosed.set(vendors());
    text += "." + SegmentEncoder.encode(model, Segment.VENDORS_DISCLOSED);
  }
  if (below(2)) {
    model.publisherConsents.set(some(1, PURPOSES, random()));
    text += "." + SegmentEncoder.encode(model, Segment.PUBLISHER_TC);
  }
  return { text, ...said(text) };
}

// What IAB's own decoder says of a string.
function said(text) {
  const model = TCString.decode(text);
  const restrictions = [];
  for (const rule of model.publisherRestrictions.getRestrictions()) {
    for (const vendor of model.publisherRestrictions.getVendors(rule)) {
      restrictions.push([rule.purposeId, rule.restrictionType, vendor]);
    }
  }
  return {
    purposes: ids(model.purposeConsents),
    purposes_by_interest: ids(model.purposeLegitimateInterests),
    vendors: ids(model.vendorConsents),
    vendors_by_interest: ids(model.vendorLegitimateInterests),
    restrictions,
    disclosed: text.split(".").length > 1 ? ids(model.vendorsDisclosed) : [],
  };
}

function ids(vector) {
  const found = [];
  vector.forEach((isSet, id) => isSet && found.push(id));
  return found;
}

function gpp() {
  const model = new GppModel();
  const sections = {};
  for (const [name, fields] of Object.entries(STATES)) {
    if (below(3)) continue;
    sections[name] = { opt_outs: fields.map(() => below(3)), gpc: false };
    fields.forEach((field, i) => model.setFieldValue(name, field, sections[name].opt_outs[i]));
    if (!WITHOUT_GPC.has(name)) {
      const included = below(2) === 1;
      const gpc = below(2) === 1;
      model.setFieldValue(name, "GpcSegmentIncluded", included);
      if (included) model.setFieldValue(name, "Gpc", gpc);
      sections[name].gpc = included && gpc;
    }
  }
  let purposes = null;
  if (below(2)) {
    purposes = some(1, PURPOSES, random());
    const flags = Array.from({ length: PURPOSES }, (_, i) => purposes.includes(i + 1));
    model.setFieldValue("tcfeuv2", "PurposeConsents", flags);
  }
  let sale = null;
  if (below(2)) {
    sale = "YN-"[below(3)];
    model.setFieldValue("uspv1", "OptOutSale", sale);
  }
  return { text: model.encode(), ids: model.getSectionIds(), sections, purposes, sale };
}

const make = { tcf, gpp }[which];
for (let number = 0; number < Number(count); number++) {
  console.log(JSON.stringify(make()));
}
