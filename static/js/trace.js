// The trace page: find a span by name, mark the open one.
(() => {
  "use strict";
  document.addEventListener("input", (event) => {
    const scope = event.target.dataset.filterRows;
    if (!scope) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(`${scope} a.waterfall__row`)) {
      row.hidden = Boolean(wanted) && !row.textContent.toLowerCase().includes(wanted);
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "panel") return;
    for (const row of document.querySelectorAll("a.waterfall__row[aria-current]")) row.removeAttribute("aria-current");
    const row = event.detail.requestConfig.elt.closest("a.waterfall__row");
    row?.setAttribute("aria-current", "true");
    event.detail.target.scrollTop = 0;
    if (matchMedia("(max-width: 79.99rem)").matches) event.detail.target.scrollIntoView({ block: "start" });
  });
})();
