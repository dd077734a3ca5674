import { beforeEach, expect, test } from "vitest";
import { applyLabels, type Labels, nameElements } from "../src/labels";
import { FakePage, settle } from "./fakes";

/** Labels that stay as they are. */
const NEVER = () => () => {};

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  root.className = "rugged-widget";
});

function named(html: string, labels: Labels): HTMLElement {
  root.innerHTML = html;
  applyLabels(root, labels);
  return root;
}

const attributes = (selector: string, ...names: string[]) =>
  names.map((name) => root.querySelector(selector)?.getAttribute(name) ?? null);

test("of a slider the handle is named, and it tells the value that its readout shows, not the exponent", () => {
  named(
    `<div class="widget-slider rate"><div class="slider-container"><div class="noUi-target"><div class="noUi-base">
       <div class="noUi-handle" role="slider" aria-valuetext="-1.52"></div></div></div></div>
       <div class="widget-readout" contenteditable="true">0.030</div></div>`,
    { rate: "Learning rate", "rw-readout": "{name}, value" },
  );
  expect(attributes(".noUi-handle", "aria-label", "aria-valuetext")).toEqual(["Learning rate", "0.030"]);
  expect(attributes(".widget-readout", "role", "aria-label")).toEqual(["textbox", "Learning rate, value"]);
  applyLabels(root, { rate: "학습률", "rw-readout": "{name}, 값" });
  expect(attributes(".widget-readout", "role", "aria-label")).toEqual(["textbox", "학습률, 값"]);
});

test.each([
  ["input", `<div class="widget-text a"><label></label><input type="number"></div>`],
  ["select", `<div class="widget-dropdown a"><select></select></div>`],
  ["button", `<button class="jupyter-button a">Start</button>`],
])("of a control the %s is named", (tag, html) => {
  named(html, { a: "Seed" });
  expect(attributes(tag, "aria-label")).toEqual(["Seed"]);
});

test("toggle buttons are a named group whose buttons tell which one is pressed", () => {
  named(
    `<div class="widget-toggle-buttons speed"><div><button>1</button><button class="mod-active">10</button></div></div>`,
    { speed: "Speed" },
  );
  expect(attributes(".speed", "role", "aria-label")).toEqual(["group", "Speed"]);
  expect(Array.from(root.querySelectorAll("button"), (button) => button.getAttribute("aria-pressed"))).toEqual([
    "false",
    "true",
  ]);
  expect(attributes("button", "aria-label")).toEqual([null]);
});

test("a button that stays pressed tells whether it is, and one that does not tells nothing", () => {
  named(`<button class="widget-toggle-button exact mod-active">Exact</button><button class="step">Step</button>`, {
    exact: "Exact posterior",
    step: "Train one step",
  });
  expect(attributes(".exact", "aria-label", "aria-pressed")).toEqual(["Exact posterior", "true"]);
  expect(attributes(".step", "aria-pressed")).toEqual([null]);
});

test("a figure has one name, and its drawing is not spelled out", () => {
  named(`<div class="bqplot elbo"><svg></svg><svg></svg><div class="toolbar_div"><button></button></div></div>`, {
    elbo: "ELBO by step",
  });
  expect(attributes(".elbo", "role", "aria-label")).toEqual(["figure", "ELBO by step"]);
  expect(root.querySelectorAll('svg[aria-hidden="true"]')).toHaveLength(2);
  expect(attributes("button", "aria-label")).toEqual([null]);
});

test("the name of a box with one figure is the figure's, that of a box with several is its own", () => {
  const box = (...figures: string[]) =>
    `<div class="widget-container a"><h3></h3><button></button>${figures.map((f) => `<p class="bqplot ${f}"></p>`).join("")}</div>`;
  named(box("one"), { a: "ELBO by step" });
  expect([...attributes(".one", "aria-label"), ...attributes(".a", "aria-label")]).toEqual(["ELBO by step", null]);
  named(box("one", "two"), { a: "Figures" });
  expect([...attributes(".one", "aria-label"), ...attributes(".a", "aria-label")]).toEqual([null, "Figures"]);
});

test("a progress bar tells its percentage", () => {
  named(
    `<div class="widget-hprogress p"><div class="progress"><div class="progress-bar" style="width: 57.3%"></div></div></div>`,
    { p: "Training" },
  );
  expect(attributes(".p", "role", "aria-label", "aria-valuenow")).toEqual(["progressbar", "Training", "57"]);
});

test("a box is named itself, not the first control in it", () => {
  named(`<div class="widget-container a"><button>Start</button><div class="noUi-handle"></div></div>`, {
    a: "Controls",
  });
  expect(attributes(".a", "role", "aria-label")).toEqual(["group", "Controls"]);
  expect([...attributes("button", "aria-label"), ...attributes(".noUi-handle", "aria-label")]).toEqual([null, null]);
});

test("an element that has a role keeps it, and the root can be named too", () => {
  named(`<div class="a" role="status">ready</div>`, { a: "Status", "rugged-widget": "Bayesian regression" });
  expect(attributes(".a", "role", "aria-label")).toEqual(["status", "Status"]);
  expect(root.getAttribute("aria-label")).toBe("Bayesian regression");
});

test("every element with the class is named", () => {
  named(`<div class="a"></div><div><div class="a"></div></div>`, { a: "Figure" });
  expect(root.querySelectorAll('[aria-label="Figure"]')).toHaveLength(2);
});

test("views that come later, changed values and changed names are followed until disposal", async () => {
  const page = new FakePage();
  let labels: Labels = { speed: "Speed" };
  const end = nameElements(root, page, () => labels, NEVER);
  const look = async () => {
    await settle();
    page.advance(100);
    return attributes(".speed button", "aria-pressed");
  };
  root.innerHTML = `<div class="widget-toggle-buttons speed"><button>1</button></div>`;
  expect(await look()).toEqual(["false"]);
  root.querySelector("button")?.classList.add("mod-active");
  expect(await look()).toEqual(["true"]);
  labels = { speed: "Pace" };
  root.append(document.createElement("p"));
  await look();
  expect(attributes(".speed", "aria-label")).toEqual(["Pace"]);
  end();
  root.querySelector("button")?.classList.remove("mod-active");
  expect(await look()).toEqual(["true"]);
  expect(page.waiting).toBe(0);
});

const SLIDER = `<div class="rate"><div class="noUi-handle" aria-valuetext="-1"></div>
  <div class="widget-readout">0.1</div></div>`;

test("a slider that writes the exponent again is put right again", async () => {
  const page = new FakePage();
  root.innerHTML = SLIDER;
  const end = nameElements(root, page, () => ({ rate: "Learning rate" }), NEVER);
  await settle();
  page.advance(100);
  const readout = root.querySelector(".widget-readout")?.firstChild as Text;
  readout.data = "0.01";
  root.querySelector(".noUi-handle")?.setAttribute("aria-valuetext", "-2");
  await settle();
  page.advance(100);
  expect(attributes(".noUi-handle", "aria-valuetext")).toEqual(["0.01"]);
  end();
});

test("naming causes no endless naming, and drawing in a figure causes none at all", async () => {
  const page = new FakePage();
  root.innerHTML = `${SLIDER}<svg><g></g></svg>`;
  const end = nameElements(root, page, () => ({ rate: "Learning rate" }), NEVER);
  await settle();
  page.advance(100);
  await settle();
  expect(page.waiting).toBe(0);
  root.querySelector("g")?.setAttribute("class", "tick");
  root.querySelector("g")?.append(document.createElementNS("http://www.w3.org/2000/svg", "line"));
  await settle();
  expect(page.waiting).toBe(0);
  end();
});

test("of a row of tabs the list is named, and neither the page that is open nor a figure in it", () => {
  named(
    `<div class="widget-container widget-tab a"><div><ul role="tablist"><li role="tab">Train</li></ul></div>
       <div class="bqplot"></div></div>`,
    { a: "Pages" },
  );
  expect([
    ...attributes("ul", "aria-label"),
    ...attributes(".a", "role"),
    ...attributes(".bqplot", "aria-label"),
  ]).toEqual(["Pages", null, null]);
});

test("names that come later than what they name are applied, until disposal", () => {
  const page = new FakePage();
  let labels: Labels = {};
  let changed = () => {};
  let stopped = false;
  root.innerHTML = `<div class="widget-dropdown a"><select></select></div>`;
  const end = nameElements(
    root,
    page,
    () => labels,
    (run) => {
      changed = run;
      return () => {
        stopped = true;
      };
    },
  );
  labels = { a: "Site" };
  changed();
  page.advance(100);
  expect(attributes("select", "aria-label")).toEqual(["Site"]);
  end();
  expect(stopped).toBe(true);
});
