// The followed log: what came first goes when there is much.
(() => {
  "use strict";
  const MOST = 500;
  document.addEventListener("htmx:afterSwap", () => {
    const lines = document.querySelectorAll("#log > .log__item");
    for (const line of [...lines].slice(MOST)) line.remove();
  });
})();
