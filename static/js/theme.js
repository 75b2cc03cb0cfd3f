// Loaded in the head, before anything is painted: a page must not flash in the other theme.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";
  let kept = null;
  try {
    kept = localStorage.getItem("assay-theme");
  } catch {
    // Storage may be forbidden; the system's theme is used then.
  }
  if (kept === "light" || kept === "dark") root.dataset.bsTheme = kept;
})();
