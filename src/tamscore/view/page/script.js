"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const tell = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    button.setAttribute("aria-pressed", String(isDark()));
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tell();
  });
  system.addEventListener("change", tell);
  tell();

  const folded = [...document.querySelectorAll(".appendix details")];
  let shut = [];
  addEventListener("beforeprint", () => {
    shut = folded.filter((one) => !one.open);
    shut.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => shut.forEach((one) => { one.open = false; }));

  const units = { k: 1e3, M: 1e6, B: 1e9, T: 1e12 };
  const amount = (text) => {
    const found = text.match(/[+-]?\d[\d,.]*/);
    if (!found) return -Infinity;
    const unit = text[found.index + found[0].length];
    return Number(found[0].replaceAll(",", "")) * (units[unit] || 1);
  };
  const sort = (head, place, isNumber) => {
    const up = head.getAttribute("aria-sort") === "descending" || (!isNumber && !head.hasAttribute("aria-sort"));
    const said = (row) => row.cells[place].textContent.trim();
    const order = (a, b) => isNumber ? amount(said(a)) - amount(said(b)) : said(a).localeCompare(said(b));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    for (const body of head.closest("table").tBodies) {
      body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(a, b)));
    }
  };
  for (const head of document.querySelectorAll("th")) {
    const long = [...head.closest("table").tBodies].some((body) => body.rows.length > 2);
    const name = head.textContent.trim().replaceAll("\u200b", "");
    if (!long || !name) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = name;
    button.addEventListener("click", () => sort(head, head.cellIndex, head.classList.contains("num")));
    head.replaceChildren(button);
  }

  const wide = [...document.querySelectorAll(".scroll")];
  const reach = () => wide.forEach((one) => {
    one.tabIndex = one.scrollWidth > one.clientWidth ? 0 : -1;
  });
  addEventListener("resize", reach);
  reach();

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));
})();
