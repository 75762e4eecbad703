// Charts: uPlot with axes in the page's colours, a tooltip that follows pointer and arrow keys, and
// the same numbers as a table. Knows nothing of what the numbers mean.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

function element(tag, className = "", ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// kind: label, axisX, axisY: words; height: pixels; top: the least that the upper end shows; range,
// axisValues, increments, incrementsX: as uPlot takes them; nameX(x) and value(data, series, index) for
// people; series: [{name, colour, dashed, bars, fill}].
class Chart {
  constructor(holder, kind) {
    this.kind = kind;
    this.data = null;
    this.plot = null;
    this.legend = element("ul", "legend");
    this.frame = element("div", "plot");
    this.frame.tabIndex = 0;
    this.frame.setAttribute("role", "group");
    this.frame.setAttribute("aria-roledescription", "chart");
    this.tip = element("div", "tip");
    this.tip.hidden = true;
    this.said = element("p", "unseen");
    this.said.setAttribute("aria-live", "polite");
    this.head = element("thead");
    this.body = element("tbody");
    this.caption = element("caption");
    this.details = element("details", "", element("summary", "", "Show as a table"));
    const scroll = element("div", "scroll", element("table", "", this.caption, this.head, this.body));
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", kind.label + ", as a table");
    this.details.append(scroll);
    this.details.addEventListener("toggle", () => this.fillTable());
    holder.append(this.legend, this.frame, this.tip, this.said, this.details);
    this.holder = holder;
    this.frame.addEventListener("keydown", (event) => this.onKey(event));
    this.frame.addEventListener("blur", () => this.leave());
    new ResizeObserver(() => this.resize()).observe(holder);
  }

  show(data, summary) {
    this.data = data;
    this.frame.setAttribute("aria-label", `${this.kind.label}. ${summary} Left and right arrow keys read single values.`);
    if (this.plot) this.plot.setData(data);
    else this.draw();
    if (this.details.open) this.fillTable();
  }

  // Colours and kind are read when it is drawn: after a change of either it is drawn anew.
  draw() {
    if (!this.data) return;
    this.plot?.destroy();
    const kind = this.kind;
    this.legend.replaceChildren(...kind.series.map((one) => {
      const mark = element("i", one.bars ? "block" : one.dashed ? "dashed" : "");
      mark.style[one.bars ? "background" : "borderColor"] = colour(one.colour);
      return element("li", "", mark, one.name);
    }));
    this.plot = new uPlot(this.options(), this.data, this.frame);
  }

  options() {
    const kind = this.kind;
    const font = "12px " + getComputedStyle(document.body).fontFamily;
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font, labelFont: font, labelSize: 18, labelGap: 2 };
    return {
      width: this.holder.clientWidth,
      height: kind.height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
      scales: { x: { time: false, range: kind.range }, y: { range: (plot, low, high) => [0, Math.max(kind.top, (high ?? 0) * 1.08)] } },
      axes: [
        { ...axis, label: kind.axisX, size: 26, space: 58, incrs: kind.incrementsX, values: kind.axisValues, grid: { show: false } },
        { ...axis, label: kind.axisY, size: (plot, values) => 14 + 7 * Math.max(2, ...(values ?? []).map((text) => text.length)), incrs: kind.increments, space: 26, values: (plot, values) => values.map(short) },
      ],
      series: [{}, ...kind.series.map((one) => this.seriesOf(one))],
      hooks: { setCursor: [() => this.point()] },
    };
  }

  seriesOf(one) {
    const stroke = colour(one.colour);
    if (one.bars) {
      return { stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 100] }) };
    }
    return { stroke, width: 2, dash: one.dashed ? [5, 4] : undefined, fill: one.fill ? colour("accent-soft") + "80" : undefined, points: { show: !one.dashed, size: 5 } };
  }

  words(index) {
    const values = this.kind.series.map((one, at) => [one.name, this.kind.value(this.data, at, index)]);
    return [this.kind.nameX(this.data[0][index]), values.filter(([, value]) => value !== null)];
  }

  point() {
    const { idx, left } = this.plot.cursor;
    this.tip.hidden = idx === null || idx === undefined || left < 0;
    if (this.tip.hidden) return;
    const [name, values] = this.words(idx);
    this.tip.replaceChildren(element("b", "", name), ...values.map(([what, value]) => element("div", "", `${what}: ${number(value)}`)));
    const over = this.plot.over.getBoundingClientRect();
    const holder = this.holder.getBoundingClientRect();
    const at = over.left - holder.left + this.plot.valToPos(this.data[0][idx], "x");
    const room = this.holder.clientWidth - this.tip.offsetWidth;
    const beside = at + 12 > room ? at - 12 - this.tip.offsetWidth : at + 12;
    this.tip.style.left = Math.max(0, Math.min(room, beside)) + "px";
    this.tip.style.top = over.top - holder.top + 6 + "px";
  }

  onKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const last = this.data[0].length - 1;
    const from = this.plot.cursor.idx ?? last + 1;
    const index = Math.max(0, Math.min(last, from + steps[event.key]));
    this.plot.setCursor({ left: this.plot.valToPos(this.data[0][index], "x"), top: 10 });
    const [name, values] = this.words(index);
    this.said.textContent = name + ": " + values.map(([what, value]) => `${what} ${number(value)}`).join(", ");
  }

  leave() {
    this.plot?.setCursor({ left: -10, top: -10 });
  }

  resize() {
    if (this.plot && this.holder.clientWidth && this.holder.clientWidth !== this.plot.width) {
      this.plot.setSize({ width: this.holder.clientWidth, height: this.kind.height });
    }
  }

  fillTable() {
    if (!this.data) return;
    this.caption.textContent = this.kind.label;
    const heads = [this.kind.axisX, ...this.kind.series.map((one) => one.name)];
    this.head.replaceChildren(element("tr", "", ...heads.map((text, at) => header(text, at > 0))));
    this.body.replaceChildren(...this.data[0].map((x, index) => {
      const cells = this.kind.series.map((one, at) => element("td", "number", number(this.kind.value(this.data, at, index))));
      const name = element("th", "", this.kind.nameX(x));
      name.scope = "row";
      return element("tr", "", name, ...cells);
    }));
  }
}

function header(text, isNumber = false, isWide = false) {
  const made = element("th", [isNumber ? "number" : "", isWide ? "wide" : ""].join(" ").trim(), text);
  made.scope = "col";
  return made;
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const digits = Number.isInteger(value) ? 0 : value < 10 ? 1 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function short(value) {
  return value.toLocaleString("en", { notation: value >= 10000 ? "compact" : "standard", maximumFractionDigits: 1 });
}

function money(value, currency) {
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) + (currency ? " " + currency : "");
}
