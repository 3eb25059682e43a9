// What the page does by itself: show values where one points, hide worlds, and choose light or dark.
// Everything is in the page without it too.
"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const tip = document.getElementById("tip");

  // A title element would pop up over our own note; what it says stays for screen readers.
  for (const svg of all("svg[aria-labelledby]")) {
    const [title, desc] = [svg.querySelector("title"), svg.querySelector("desc")];
    svg.setAttribute("aria-label", title.textContent + ". " + desc.textContent);
    svg.removeAttribute("aria-labelledby");
    title.remove();
  }

  const hidden = new Set();
  const toggle = (world) => {
    const hide = !hidden.has(world);
    hide ? hidden.add(world) : hidden.delete(world);
    for (const element of all(`[data-world="${world}"]`)) element.toggleAttribute("data-hidden", hide);
    for (const button of all(`[data-toggle="${world}"]`)) button.setAttribute("aria-pressed", String(!hide));
  };
  for (const button of all("button[data-toggle]")) {
    button.addEventListener("click", () => toggle(button.dataset.toggle));
  }

  const place = (x, y) => {
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = x + 14 + width > innerWidth - 4 ? x - 14 - width : x + 14;
    const top = Math.min(Math.max(4, y - height / 2), innerHeight - height - 4);
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = top + "px";
  };
  const line = (name, value, hue) => {
    const row = document.createElement("span");
    const label = document.createElement("i");
    label.textContent = name;
    label.className = hue;
    row.append(label, value);
    return row;
  };
  const heading = (text) => {
    const head = document.createElement("b");
    head.textContent = text;
    return head;
  };

  for (const svg of all("svg[data-plot]")) {
    const plot = JSON.parse(svg.dataset.plot);
    const rule = svg.querySelector(".rule");
    let index = -1;
    const show = (at, x, y) => {
      index = at;
      const lines = plot.lines.filter((one) => !hidden.has(String(one.world)) && one.values[at]);
      tip.replaceChildren(heading(plot.names[at]), ...lines.map((one) => line(one.name, one.values[at], "w" + one.world % 7)));
      for (const [name, value] of [["x1", plot.at[at]], ["x2", plot.at[at]], ["y1", plot.top], ["y2", plot.bottom]]) {
        rule.setAttribute(name, value);
      }
      rule.removeAttribute("hidden");
      place(x, y);
    };
    const leave = () => {
      tip.hidden = true;
      rule.setAttribute("hidden", "");
    };
    const point = (event) => {
      if (plot.at.length === 0) return;
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * scale;
      const off = plot.at.map((at) => Math.abs(at - x));
      show(off.indexOf(Math.min(...off)), event.clientX, event.clientY);
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || plot.at.length === 0) return;
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      const at = Math.min(Math.max(index + step, 0), plot.at.length - 1);
      show(at, box.left + plot.at[at] * box.width / svg.viewBox.baseVal.width, box.top + box.height / 2);
    });
  }
  for (const part of all("[data-told]")) {
    part.addEventListener("pointermove", (event) => {
      tip.replaceChildren(part.dataset.told);
      place(event.clientX, event.clientY);
    });
    part.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
