// Behaviour of the shell: theme switch, menus, keyboard, copying, live updates, relative times.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];

  // --- theme: system → light → dark ---
  const themes = ["system", "light", "dark"];
  function showTheme() {
    const current = root.dataset.bsTheme || "system";
    for (const button of all("[data-theme-switch]")) {
      button.dataset.themeSwitch = current;
      button.setAttribute("aria-label", `Theme: ${current}. Change theme`);
      button.title = `Theme: ${current}`;
    }
  }
  function changeTheme() {
    const next = themes[(themes.indexOf(root.dataset.bsTheme || "system") + 1) % themes.length];
    if (next === "system") delete root.dataset.bsTheme;
    else root.dataset.bsTheme = next;
    try {
      localStorage.setItem("assay-theme", next);
    } catch {
      // Not kept then; the switch still works for this page.
    }
    showTheme();
    document.dispatchEvent(new Event("assay:theme"));
  }
  showTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("assay:theme")),
  );

  // --- clicks ---
  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source ? source.textContent.trim() : button.dataset.copyText);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1500);
  }
  document.addEventListener("click", (event) => {
    const open = all("details.menu[open]").filter((menu) => !menu.contains(event.target));
    for (const menu of open) menu.open = false;
    if (event.target.closest("[data-theme-switch]")) changeTheme();
    const copyButton = event.target.closest("[data-copy], [data-copy-text]");
    if (copyButton) copy(copyButton);
    const toggle = event.target.closest("[data-open-all]");
    if (toggle) {
      const folds = document.querySelectorAll(`${toggle.dataset.openAll} details`);
      const opening = [...folds].some((fold) => !fold.open);
      for (const fold of folds) fold.open = opening;
    }
    const row = event.target.closest("tr[data-row]");
    const isPlain = !event.target.closest("a, button, summary, input, label");
    if (row && isPlain && !String(getSelection())) row.querySelector("a")?.click();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  // --- keyboard ---
  function moveRow(step) {
    const rows = all("[data-row]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at === -1 ? 0 : at + step))];
    (next.matches("a, summary") ? next : next.querySelector("a"))?.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  const keys = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    "?": () => {
      const help = document.getElementById("keyboard-help");
      if (help?.open) help.close();
      else help?.showModal();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of all("details.menu[open]")) menu.open = false;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // --- live: a fragment is never swapped under the eyes of someone who reads it ---
  const isReading = (target) =>
    document.hidden ||
    scrollY > 240 ||
    Boolean(String(getSelection())) ||
    Boolean(document.querySelector("details.menu[open], dialog[open]")) ||
    target.contains(document.activeElement);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const target = event.detail.target;
    if (event.target.matches("[data-live]") && isReading(target)) event.preventDefault();
    else if (event.target.matches("[data-poll]") && document.hidden) event.preventDefault();
  });

  // --- a server that does not answer: what is shown is old, and says so until it answers again ---
  const outage = document.querySelector("[data-outage]");
  let answeredAt = new Date();
  function noteSilence(event) {
    const isAnswer = event.type === "htmx:responseError" && event.detail.xhr.status < 500;
    if (!outage || isAnswer) return;
    const time = outage.querySelector("time");
    time.dateTime = answeredAt.toISOString();
    time.textContent = `${time.dateTime.slice(11, 19)} UTC`;
    outage.hidden = false;
  }
  for (const kind of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(kind, noteSilence);
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    answeredAt = new Date();
    if (outage) outage.hidden = true;
  });

  // --- relative times ---
  const steps = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [86400, 3600, "h"],
    [5184000, 86400, "d"],
  ];
  function showAges() {
    for (const time of all("time[data-age]")) {
      const age = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
      const step = steps.find(([limit]) => age < limit);
      if (step) time.textContent = age < 5 ? "just now" : `${Math.floor(age / step[1])} ${step[2]} ago`;
    }
  }
  setInterval(showAges, 5000);
})();
