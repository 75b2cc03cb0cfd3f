// Trees of spans: find one by name, fold what is below one, mark the open one.
(() => {
  "use strict";
  const ROW = "a.waterfall__row";

  document.addEventListener("input", (event) => {
    const scope = event.target.dataset.filterRows;
    if (!scope) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(`${scope} ${ROW}`)) {
      row.classList.remove("is-folded");
      row.hidden = Boolean(wanted) && !row.textContent.toLowerCase().includes(wanted);
    }
  });

  function fold(row, folded) {
    row.classList.toggle("is-folded", folded);
    let below = null; // the depth below which rows stay hidden: that of a folded row further down
    const depth = Number(row.dataset.depth);
    for (let next = row.nextElementSibling; next?.matches(ROW); next = next.nextElementSibling) {
      const own = Number(next.dataset.depth);
      if (own <= depth) return;
      if (below !== null && own <= below) below = null;
      next.hidden = folded || below !== null;
      if (below === null && next.classList.contains("is-folded")) below = own;
    }
  }

  // Caught on the way down: a fold is not a choice of the row it lies in.
  document.addEventListener(
    "click",
    (event) => {
      const row = event.target.closest("[data-fold]")?.closest(ROW);
      if (!row) return;
      event.preventDefault();
      event.stopPropagation();
      fold(row, !row.classList.contains("is-folded"));
    },
    true,
  );
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest(ROW);
    const isFold = { ArrowLeft: true, ArrowRight: false }[event.key];
    if (!row?.querySelector("[data-fold]") || isFold === undefined) return;
    event.preventDefault();
    fold(row, isFold);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "panel") return;
    for (const row of document.querySelectorAll(`${ROW}[aria-current]`)) row.removeAttribute("aria-current");
    event.detail.requestConfig.elt.closest(ROW)?.setAttribute("aria-current", "true");
    event.detail.target.scrollTop = 0;
    if (matchMedia("(max-width: 79.99rem)").matches) event.detail.target.scrollIntoView({ block: "start" });
  });
})();
