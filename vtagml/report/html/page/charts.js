// Curves: drawn as SVG, read by pointer or arrow keys, lines switched by their legend.

const LINES = 7; // colours; after them the dashes change
const DASHES = ["", "7 4", "2 3"];
const FRAME = { height: 230, left: 54, right: 14, top: 10, bottom: 36 };
const FEW_POINTS = 30;

function lineStyle(index) {
  return { colour: `var(--line-${index % LINES})`, dash: DASHES[Math.floor(index / LINES) % 3] };
}

function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) {
    found.push(Number((at * step).toFixed(Math.min(places, 12))));
  }
  return found;
}

function decades(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    const parts = high / low > 200 ? [1] : [1, 2, 5];
    parts.forEach((part) => found.push(part * 10 ** power));
  }
  const inside = found.filter((value) => value >= low && value <= high);
  return inside.length > 1 ? inside : [low, high];
}

/** Where numbers lie between two ends of an axis in pixels, with a mark about every `apart`. */
function axis(values, from, to, apart, logarithmic) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (low === high) {
    const pad = Math.abs(low) * 0.1 || 1;
    [low, high] = logarithmic ? [low / 1.5, high * 1.5] : [low - pad, high + pad];
  }
  const turned = logarithmic ? Math.log10 : (value) => value;
  const share = (value) => (turned(value) - turned(low)) / (turned(high) - turned(low));
  return {
    at: (value) => from + share(value) * (to - from),
    marks: logarithmic ? decades(low, high) : ticks(low, high, Math.abs(to - from) / apart),
  };
}

function pathOf(points) {
  let text = "";
  let pen = false;
  for (const [x, y] of points) {
    if (y !== null) text += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = y !== null;
  }
  return text;
}

class Chart {
  /** Lines are {name, place, x, y}: `place` chooses the colour, y is null where unknown. */
  constructor(title, lines, logarithmic) {
    this.title = title;
    this.lines = lines.map((line) => ({ ...line, style: lineStyle(line.place), shown: true }));
    this.logarithmic = logarithmic;
    this.cursor = null;
    this.svg = drawn("svg", { class: "plot", role: "img", tabindex: "0" });
    this.readout = make("div", { class: "readout", role: "status", hidden: true });
    this.legend = make("div", { class: "legend", role: "group", "aria-label": "Lines shown" });
    this.node = make("div", { class: "chart" },
      make("div", { class: "canvas" }, this.svg, this.readout), this.legend);
    this.width = 0;
    this.fillLegend();
    this.listen();
  }

  fillLegend() {
    this.legend.append(...this.lines.map((line) => {
      const sample = drawn("svg", { width: 26, height: 10, "aria-hidden": "true" },
        this.stroke(line, "M1 5H25"));
      const button = make("button", { type: "button", "aria-pressed": "true", on: { click: () => {
        line.shown = !line.shown;
        button.setAttribute("aria-pressed", String(line.shown));
        this.draw();
      } } }, sample, line.name);
      return button;
    }));
  }

  listen() {
    this.svg.addEventListener("pointermove", (event) => {
      const place = event.clientX - this.svg.getBoundingClientRect().left;
      this.read(this.nearest(place));
    });
    this.svg.addEventListener("pointerleave", () => this.read(null));
    this.svg.addEventListener("blur", () => this.read(null));
    this.svg.addEventListener("keydown", (event) => {
      const steps = this.steps();
      const now = this.cursor === null ? -1 : steps.indexOf(this.cursor);
      const last = steps.length - 1;
      const moves = { ArrowRight: Math.min(now + 1, last), ArrowLeft: Math.max(now - 1, 0),
        Home: 0, End: last };
      if (event.key === "Escape") this.read(null);
      if (!(event.key in moves) || last < 0) return;
      event.preventDefault();
      this.read(steps[moves[event.key]]);
    });
    new ResizeObserver(([entry]) => requestAnimationFrame(() => {
      const width = Math.round(entry.contentRect.width);
      if (width && width !== this.width) {
        this.width = width;
        this.draw();
      }
    })).observe(this.node.firstChild);
  }

  visible(value) {
    return value !== null && (!this.logarithmic || value > 0);
  }

  shown() {
    return this.lines.filter((line) => line.shown);
  }

  steps() {
    const all = this.shown().flatMap((line) => line.x.filter((_, i) => this.visible(line.y[i])));
    return [...new Set(all)].sort((a, b) => a - b);
  }

  nearest(place) {
    const steps = this.steps();
    if (!steps.length || !this.across) return null;
    return steps.reduce((best, step) => (Math.abs(this.across.at(step) - place)
      < Math.abs(this.across.at(best) - place) ? step : best));
  }

  stroke(line, path) {
    return drawn("path", { d: path, fill: "none", "stroke-width": 1.9, "stroke-linejoin": "round",
      stroke: line.style.colour, "stroke-dasharray": line.style.dash || null });
  }

  draw() {
    if (!this.width) return;
    const { height, left, right, top, bottom } = FRAME;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("aria-label", this.words());
    this.svg.replaceChildren();
    this.cursorLine = drawn("g", {});
    const steps = this.steps();
    const values = this.shown().flatMap((line) => line.y.filter((y) => this.visible(y)));
    this.across = null;
    if (!values.length) {
      this.svg.append(drawn("text", { x: this.width / 2, y: height / 2, class: "mark middle" },
        "no line is shown"));
      return;
    }
    this.across = axis(steps, left, this.width - right, 80, false);
    this.up = axis(values, height - bottom, top, 36, this.logarithmic);
    this.drawMarks();
    this.shown().forEach((line) => this.drawLine(line));
    this.svg.append(this.cursorLine);
    this.read(null);
  }

  drawMarks() {
    const { height, left, right, bottom } = FRAME;
    for (const value of this.up.marks) {
      const y = this.up.at(value);
      this.svg.append(drawn("line", { x1: left, x2: this.width - right, y1: y, y2: y,
        class: "grid" }), drawn("text", { x: left - 8, y: y + 4, class: "mark end" },
        short(value)));
    }
    for (const step of this.across.marks) {
      this.svg.append(drawn("text", { x: this.across.at(step), y: height - bottom + 18,
        class: "mark middle" }, short(step)));
    }
    this.svg.append(drawn("text", { x: this.width - right, y: height - 3, class: "mark end" },
      "step"));
  }

  drawLine(line) {
    const points = line.x.map((step, index) => [this.across.at(step),
      this.visible(line.y[index]) ? this.up.at(line.y[index]) : null]);
    this.svg.append(this.stroke(line, pathOf(points)));
    if (points.length > FEW_POINTS) return;
    for (const [x, y] of points) {
      if (y !== null) this.svg.append(drawn("circle", { cx: x, cy: y, r: 2.6,
        fill: line.style.colour }));
    }
  }

  words() {
    const last = this.shown().map((line) => `${line.name} ${short(line.y.at(-1))}`);
    return `${this.title} by step. Last values: ${last.join(", ")}. Arrow keys read the values.`;
  }

  read(step) {
    this.cursor = step;
    this.readout.hidden = step === null;
    this.cursorLine.replaceChildren();
    if (step === null || !this.across) return;
    const x = this.across.at(step);
    const { height, top, bottom } = FRAME;
    this.cursorLine.append(drawn("line", { x1: x, x2: x, y1: top, y2: height - bottom,
      class: "cursor" }));
    this.readout.replaceChildren(make("b", {}, `step ${step}`));
    for (const line of this.shown()) {
      const value = line.y[line.x.indexOf(step)];
      if (value === undefined || !this.visible(value)) continue;
      this.cursorLine.append(drawn("circle", { cx: x, cy: this.up.at(value), r: 4,
        fill: line.style.colour }));
      const swatch = make("i", { class: "swatch" });
      swatch.style.background = line.style.colour;
      this.readout.append(make("span", {}, swatch, `${line.name} `, make("b", {}, short(value))));
    }
    this.readout.classList.toggle("leftward", x > this.width / 2);
    this.readout.style.left = `${x}px`;
  }
}
